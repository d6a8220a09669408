// A shared object that is no module at all.
extern "C" __attribute__((visibility("default"))) int sluice_module_of_another_kind() {
    return 0;
}
