// As a module of nginx: it needs symbols that only nginx has.
extern "C" {
extern int ngx_http_core_module;
__attribute__((visibility("default"))) int* sluice_module = &ngx_http_core_module;
}
