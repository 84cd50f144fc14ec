// SPDX-License-Identifier: Apache-2.0
// The hot kernels of the wasm backend once more, in C on the same memory and the same packed operands, for processors
// with wide integer dot products. Optional: set-up compiles it where it finds a C compiler and Node's headers. Compiled
// without contraction of multiply and add; each result is that of the reference in every bit.
#include <node_api.h>
#include "native-narrow.h"
#include "native-pack.h"
#include "native-product.h"
#include "native-softmax.h"
#include "native-update.h"

#define MAX_ARGS 13
typedef struct { uint8_t *base; double v[MAX_ARGS]; } Call;

static void read_call(napi_env env, napi_callback_info info, Call *c) {
  napi_value argv[MAX_ARGS];
  size_t argc = MAX_ARGS;
  void *data;
  napi_get_cb_info(env, info, &argc, argv, NULL, &data);
  c->base = data;
  for (size_t i = 0; i < MAX_ARGS; i++) { c->v[i] = 0; if (i < argc) napi_get_value_double(env, argv[i], &c->v[i]); }
}

#define AT(type, i) ((type *)(c.base + (uint64_t)c.v[i]))
#define INT(i) ((int)c.v[i])
#define OR_NULL(type, i) (c.v[i] != 0 ? AT(type, i) : NULL)
#define FLOAT(i) ((float)c.v[i])

static napi_value result(napi_env env, int32_t x) { napi_value out; napi_create_int32(env, x, &out); return out; }

/* a kernel by its name in kernels/, its arguments in the same order: VALUE returns an int32, PLAIN nothing */
#define VALUE(name, call) static napi_value call_##name(napi_env env, napi_callback_info info) { Call c; read_call(env, info, &c); return result(env, call); }
#define PLAIN(name, call) static napi_value call_##name(napi_env env, napi_callback_info info) { Call c; read_call(env, info, &c); call; return NULL; }

PLAIN(productRows, product(AT(uint8_t, 0), AT(uint8_t, 1), AT(float, 2), AT(float, 3), AT(float, 4), INT(5), INT(6), INT(7), INT(8), INT(9), INT(10), INT(11), 4, 1))
PLAIN(productCols, product(AT(uint8_t, 0), AT(uint8_t, 1), AT(float, 2), AT(float, 3), AT(float, 4), INT(5), INT(6), INT(7), INT(8), INT(9), INT(10), INT(11), 1, 4))
VALUE(encode, encode(AT(float, 0), INT(1), AT(uint8_t, 2), INT(3)))
VALUE(sgd, sgd(OR_NULL(float, 0), AT(uint8_t, 1), INT(2), AT(float, 3), AT(float, 4), INT(5), FLOAT(6), FLOAT(7)))
VALUE(adamw, adamw(OR_NULL(float, 0), AT(uint8_t, 1), INT(2), AT(float, 3), AT(float, 4), AT(float, 5), INT(6), AT(float, 7)))
PLAIN(rowMax, row_max(AT(float, 0), INT(1), INT(2), INT(3), AT(int32_t, 4)))
PLAIN(colMax, col_max(AT(float, 0), INT(1), INT(2), INT(3), AT(int32_t, 4)))
VALUE(scales, scales(AT(int32_t, 0), INT(1), INT(2), AT(int32_t, 3), AT(int32_t, 4)))
PLAIN(packRows, pack_rows(AT(float, 0), INT(1), INT(2), INT(3), AT(float, 4), AT(uint8_t, 5)))
PLAIN(packCols, pack_cols(AT(float, 0), INT(1), INT(2), INT(3), AT(float, 4), AT(uint8_t, 5)))
PLAIN(packRight, pack_right(AT(float, 0), INT(1), INT(2), INT(3), AT(float, 4), AT(uint8_t, 5)))
PLAIN(packUnitRows, pack_unit_rows(AT(float, 0), INT(1), INT(2), INT(3), AT(uint8_t, 4)))
PLAIN(packUnitCols, pack_unit_cols(AT(float, 0), INT(1), INT(2), INT(3), AT(uint8_t, 4)))
VALUE(addBias, add_bias(AT(float, 0), AT(float, 1), AT(float, 2), INT(3), INT(4)))
VALUE(select, select_positive(AT(float, 0), AT(float, 1), AT(float, 2), INT(3)))
VALUE(add, add(AT(float, 0), AT(float, 1), AT(float, 2), INT(3)))
VALUE(squaredRelu, squared_relu(AT(float, 0), AT(float, 1), INT(2)))
VALUE(squaredReluGrad, squared_relu_grad(AT(float, 0), AT(float, 1), AT(float, 2), INT(3)))
VALUE(largestOf, largest_of(AT(float, 0), INT(1)))
PLAIN(sumCols, sum_cols(AT(float, 0), INT(1), INT(2), INT(3), AT(float, 4), AT(float, 5), AT(float, 6)))
VALUE(norm, norm(AT(float, 0), AT(float, 1), AT(float, 2), AT(float, 3), INT(4), INT(5), FLOAT(6)))
VALUE(normInputGrad, norm_input_grad(AT(float, 0), AT(float, 1), AT(float, 2), AT(float, 3), AT(float, 4), INT(5), INT(6), FLOAT(7), AT(float, 8)))
PLAIN(normColMax, norm_col_max(AT(float, 0), AT(float, 1), INT(2), INT(3), INT(4), AT(int32_t, 5)))
PLAIN(normGainGrad, norm_gain_grad(AT(float, 0), AT(float, 1), AT(float, 2), INT(3), INT(4), INT(5), AT(float, 6), AT(float, 7), AT(float, 8), AT(float, 9), AT(float, 10)))
VALUE(scaleScores, scale_scores(AT(float, 0), INT(1), INT(2), FLOAT(3)))
PLAIN(causalSoftmax, causal_softmax(AT(float, 0), INT(1), INT(2), AT(int32_t, 3), AT(int32_t, 4), AT(float, 5)))
VALUE(causalSoftmaxGrad, causal_softmax_grad(AT(float, 0), AT(float, 1), INT(2), INT(3), FLOAT(4), AT(float, 5)))
#if defined(__AVX512VNNI__)
PLAIN(productNarrow, product_narrow(AT(uint8_t, 0), AT(uint8_t, 1), AT(float, 2), AT(float, 3), AT(float, 4), INT(5), INT(6), INT(7), INT(8), INT(9), INT(10), INT(11)))
PLAIN(packNarrowRows, pack_narrow_rows(AT(float, 0), INT(1), INT(2), INT(3), AT(float, 4), AT(uint8_t, 5)))
PLAIN(packNarrowUnitRows, pack_narrow_unit_rows(AT(float, 0), INT(1), INT(2), INT(3), AT(uint8_t, 4)))
PLAIN(packNarrowRight, pack_narrow_right(AT(float, 0), INT(1), INT(2), INT(3), AT(float, 4), AT(uint8_t, 5)))
PLAIN(packNarrowRightRows, pack_narrow_right_rows(AT(float, 0), INT(1), INT(2), INT(3), AT(float, 4), AT(uint8_t, 5)))
#endif

static const struct { const char *module, *name; napi_callback call; } KERNELS[] = {
#if defined(__AVX512VNNI__)
  {"narrow", "productNarrow", call_productNarrow},
  {"narrow", "packNarrowRows", call_packNarrowRows},
  {"narrow", "packNarrowUnitRows", call_packNarrowUnitRows},
  {"narrow", "packNarrowRight", call_packNarrowRight},
  {"narrow", "packNarrowRightRows", call_packNarrowRightRows},
#endif
  {"product", "productRows", call_productRows},
  {"product", "productCols", call_productCols},
  {"update", "encode", call_encode},
  {"update", "sgd", call_sgd},
  {"update", "adamw", call_adamw},
  {"pack", "rowMax", call_rowMax},
  {"pack", "colMax", call_colMax},
  {"pack", "scales", call_scales},
  {"pack", "packRows", call_packRows},
  {"pack", "packCols", call_packCols},
  {"pack", "packRight", call_packRight},
  {"pack", "packUnitRows", call_packUnitRows},
  {"pack", "packUnitCols", call_packUnitCols},
  {"pass", "addBias", call_addBias},
  {"pass", "select", call_select},
  {"pass", "add", call_add},
  {"pass", "squaredRelu", call_squaredRelu},
  {"pass", "squaredReluGrad", call_squaredReluGrad},
  {"pass", "largestOf", call_largestOf},
  {"pass", "sumCols", call_sumCols},
  {"norm", "norm", call_norm},
  {"norm", "normInputGrad", call_normInputGrad},
  {"norm", "normColMax", call_normColMax},
  {"norm", "normGainGrad", call_normGainGrad},
  {"loss", "scaleScores", call_scaleScores},
  {"loss", "causalSoftmax", call_causalSoftmax},
  {"loss", "causalSoftmaxGrad", call_causalSoftmaxGrad},
};

static void export_function(napi_env env, napi_value object, const char *name, napi_callback call, void *data) {
  napi_value f;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, call, data, &f);
  napi_set_named_property(env, object, name, f);
}

/* bind(bytes): the kernels by module on the memory that `bytes` starts at; the caller keeps that memory alive */
static napi_value bind_memory(napi_env env, napi_callback_info info) {
  napi_value argv[1], modules, module;
  size_t argc = 1;
  void *data = NULL;
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  if (argc != 1 || napi_get_typedarray_info(env, argv[0], NULL, NULL, &data, NULL, NULL) != napi_ok || data == NULL) {
    napi_throw_type_error(env, NULL, "bind: expected a Uint8Array");
    return NULL;
  }
  napi_create_object(env, &modules);
  for (size_t i = 0; i < sizeof KERNELS / sizeof *KERNELS; i++) {
    bool has = false;
    napi_has_named_property(env, modules, KERNELS[i].module, &has);
    if (has) napi_get_named_property(env, modules, KERNELS[i].module, &module);
    else { napi_create_object(env, &module); napi_set_named_property(env, modules, KERNELS[i].module, module); }
    export_function(env, module, KERNELS[i].name, KERNELS[i].call, data);
  }
  return modules;
}

NAPI_MODULE_INIT() {
  export_function(env, exports, "bind", bind_memory, NULL);
  return exports;
}
