// Needs a function that nobody has.
extern "C" {
int sluice_test_nobody_has_this();
__attribute__((visibility("default"))) int (*sluice_module)() = sluice_test_nobody_has_this;
}
