#include <string.h>

#include "CLinux.h"

const char *clinux_errno_name(int number) {
    const char *name = strerrorname_np(number);
    return name ? name : "errno";
}

const char *clinux_errno_text(int number) {
    const char *text = strerrordesc_np(number);
    return text ? text : "unknown error";
}
