MODULE_PKGS := libnghttp2
