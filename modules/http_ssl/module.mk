MODULE_PKGS := libssl libcrypto
