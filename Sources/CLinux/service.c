#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "CLinux.h"

int clinux_connect_datagram(const uint8_t *name, size_t length) {
    struct sockaddr_un address;
    memset(&address, 0, sizeof address);
    address.sun_family = AF_UNIX;
    if (length < 2) return -EINVAL;
    // A path needs its NUL, an abstract name must not have one.
    if (length + (name[0] ? 1 : 0) > sizeof address.sun_path) return -ENAMETOOLONG;
    memcpy(address.sun_path, name, length);
    size_t size = offsetof(struct sockaddr_un, sun_path) + length + (name[0] ? 1 : 0);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -errno;
    if (!connect(fd, (struct sockaddr *)&address, (socklen_t)size)) return fd;
    int error = errno;
    close(fd);
    return -error;
}

int clinux_send_datagram(int fd, const void *bytes, size_t count, int descriptor) {
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = count};
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (descriptor >= 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &descriptor, sizeof(int));
    }
    ssize_t sent;
    do sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : 0;
}

static int option(int fd, int level, int name) {
    int value = 0;
    socklen_t length = sizeof value;
    return getsockopt(fd, level, name, &value, &length) ? -errno : value;
}

int clinux_listener_facts(int fd, struct clinux_listener *facts) {
    memset(facts, 0, sizeof *facts);
    int type = option(fd, SOL_SOCKET, SO_TYPE);
    if (type < 0) return type;
    if (type != SOCK_STREAM || option(fd, SOL_SOCKET, SO_ACCEPTCONN) != 1) return -EINVAL;
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    memset(&address, 0, sizeof address);
    if (getsockname(fd, (struct sockaddr *)&address, &length)) return -errno;
    if (address.ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address;
        facts->length = 4;
        memcpy(facts->address, &v4->sin_addr, 4);
        facts->port = ntohs(v4->sin_port);
        return 0;
    }
    if (address.ss_family != AF_INET6) return -EAFNOSUPPORT;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address;
    facts->length = 16;
    memcpy(facts->address, &v6->sin6_addr, 16);
    facts->port = ntohs(v6->sin6_port);
    facts->v6_only = option(fd, IPPROTO_IPV6, IPV6_V6ONLY) == 1;
    return 0;
}
