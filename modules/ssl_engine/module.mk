MODULE_PKGS := libcrypto
