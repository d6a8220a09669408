// The SDK: what a module includes. `#include <sluice/sdk.h>` is enough for most.
#pragma once

#include "core/conf/parser.h"
#include "core/conf/sequence.h"
#include "core/conf/setting.h"
#include "core/conf/value.h"
#include "core/module/descriptor.h"
#include "core/script/complex_value.h"
#include "http/module.h"
#include "http/request.h"
