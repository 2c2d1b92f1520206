#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "CLinux.h"

static int stream_socket(int family) {
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return fd < 0 ? -errno : fd;
}

int clinux_tcp_socket(bool ipv6) { return stream_socket(ipv6 ? AF_INET6 : AF_INET); }

int clinux_unix_socket(void) { return stream_socket(AF_UNIX); }

int clinux_socketpair(int fds[2]) {
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) ? -errno : 0;
}

int clinux_set_reuse_address(int fd) {
    int on = 1;
    return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) ? -errno : 0;
}

int clinux_set_v6_only(int fd, bool on) {
    int value = on;
    return setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &value, sizeof value) ? -errno : 0;
}

int clinux_bind_ip(int fd, const uint8_t *address, size_t length, uint16_t port, uint32_t scope) {
    if (length == 4) {
        struct sockaddr_in target = {.sin_family = AF_INET, .sin_port = htons(port)};
        memcpy(&target.sin_addr, address, 4);
        return bind(fd, (struct sockaddr *)&target, sizeof target) ? -errno : 0;
    }
    if (length != 16) return -EINVAL;
    struct sockaddr_in6 target = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_scope_id = scope};
    memcpy(&target.sin6_addr, address, 16);
    return bind(fd, (struct sockaddr *)&target, sizeof target) ? -errno : 0;
}

static int unix_address(const char *path, struct sockaddr_un *address) {
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    size_t length = strlen(path);
    if (!length) return -EINVAL;
    if (length >= sizeof address->sun_path) return -ENAMETOOLONG;
    memcpy(address->sun_path, path, length);
    return 0;
}

int clinux_bind_unix(int fd, const char *path) {
    struct sockaddr_un address;
    int error = unix_address(path, &address);
    if (error) return error;
    return bind(fd, (struct sockaddr *)&address, sizeof address) ? -errno : 0;
}

int clinux_connect_unix(int fd, const char *path) {
    struct sockaddr_un address;
    int error = unix_address(path, &address);
    if (error) return error;
    return connect(fd, (struct sockaddr *)&address, sizeof address) ? -errno : 0;
}

int clinux_connect_loopback(int fd, uint16_t port) {
    struct sockaddr_in address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return connect(fd, (struct sockaddr *)&address, sizeof address) ? -errno : 0;
}

int clinux_connect_result(int fd) {
    int error = 0;
    socklen_t length = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length)) return -errno;
    return -error;
}

int clinux_local_port(int fd) {
    struct sockaddr_in6 address;
    socklen_t length = sizeof address;
    memset(&address, 0, sizeof address);
    if (getsockname(fd, (struct sockaddr *)&address, &length)) return -errno;
    // The port sits at the same place in sockaddr_in.
    if (address.sin6_family != AF_INET && address.sin6_family != AF_INET6) return -EAFNOSUPPORT;
    return ntohs(address.sin6_port);
}

int clinux_accept(int fd) {
    int accepted;
    do accepted = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    while (accepted < 0 && (errno == EINTR || errno == ECONNABORTED));
    return accepted < 0 ? -errno : accepted;
}

int clinux_peer_credentials(int fd, struct clinux_peer *peer) {
    struct ucred credentials;
    socklen_t length = sizeof credentials;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length)) return -errno;
    *peer = (struct clinux_peer){credentials.pid, credentials.uid, credentials.gid};
    return 0;
}

int clinux_peer_is_in_group(int fd, uint32_t group) {
    struct clinux_peer peer;
    int failure = clinux_peer_credentials(fd, &peer);
    if (failure) return failure;
    if (peer.gid == group) return 1;
    // The kernel's own limit of groups is 65536; who is in more than this buffer holds is in none.
    gid_t groups[1024];
    socklen_t length = sizeof groups;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &length)) return -errno;
    for (size_t i = 0; i < length / sizeof groups[0]; i++)
        if (groups[i] == group) return 1;
    return 0;
}
