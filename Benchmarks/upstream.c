/* A model provider that costs almost nothing, for models.py: chat completions over HTTP/1.1 on loopback, one thread.
 *
 *     upstream            prints "READY port=N"; ends with its standard input
 *
 * The model's name says what is answered: without "stream":true a canned answer; "t-COUNT-MS" a stream of COUNT events, one
 * every MS milliseconds, each with the CLOCK_MONOTONIC nanoseconds of its sending in its text; "t-hold-0" a stream of one
 * event that then stays open and says nothing. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

struct stream {
    int fd, length, left, interval;
    long long next;
    char *buffer;
    struct stream *before, *after;
};

static struct stream active = {.before = &active, .after = &active};
static int poller, count;

static long long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void rest(struct stream *s) {
    if (!s->after) return;
    s->before->after = s->after;
    s->after->before = s->before;
    s->before = s->after = NULL;
    count--;
}

static void drop(struct stream *s) {
    rest(s);
    close(s->fd);
    free(s->buffer);
    free(s);
}

static int put(struct stream *s, const char *text, int length) {
    return write(s->fd, text, (size_t)length) == length;
}

static int chunk(struct stream *s, const char *text) {
    char out[1024];
    int length = snprintf(out, sizeof out, "%zx\r\n%s\r\n", strlen(text), text);
    return put(s, out, length);
}

static int event(struct stream *s) {
    char out[512];
    snprintf(out, sizeof out, "data: {\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":"
             "\"bench\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"t%lld \"},\"finish_reason\":null}]}\n\n", now());
    return chunk(s, out);
}

static int finish(struct stream *s) {
    return chunk(s, "data: {\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"bench\","
                 "\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n")
        && chunk(s, "data: {\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"bench\","
                 "\"choices\":[],\"usage\":{\"prompt_tokens\":20,\"completion_tokens\":30,\"total_tokens\":50}}\n\n")
        && chunk(s, "data: [DONE]\n\n") && put(s, "0\r\n\r\n", 5);
}

static const char json[] =
    "{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"bench\",\"choices\":[{\"index\":0,"
    "\"message\":{\"role\":\"assistant\",\"content\":\"A gateway earns trust only when the provider behind it misbehaves: that is "
    "when what it does is seen, and until then nobody can tell a good one from a bad one, however fast it is.\",\"refusal\":"
    "null},\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":20,\"completion_tokens\":30,"
    "\"total_tokens\":50}}";

static int answer(struct stream *s, const char *body) {
    const char *model = strstr(body, "\"model\"");
    const char *name = model ? strstr(model, "t-") : NULL;
    int streams = strstr(body, "\"stream\":true") || strstr(body, "\"stream\": true");
    if (!streams || !name) {
        char out[2048];
        int length = snprintf(out, sizeof out, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                              sizeof json - 1, json);
        return put(s, out, length);
    }
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    if (!put(s, head, sizeof head - 1) || !event(s)) return 0;
    if (sscanf(name, "t-%d-%d", &s->left, &s->interval) != 2) return 1;
    s->left--;
    s->next = now() + s->interval * 1000000LL;
    s->before = active.before;
    s->after = &active;
    s->before->after = s->after->before = s;
    count++;
    return 1;
}

static int readable(struct stream *s) {
    if (!s->buffer) s->buffer = malloc(65536);
    ssize_t got = read(s->fd, s->buffer + s->length, (size_t)(65535 - s->length));
    if (got <= 0) return 0;
    s->length += (int)got;
    s->buffer[s->length] = 0;
    char *end = strstr(s->buffer, "\r\n\r\n");
    if (!end) return s->length < 65535;
    char *field = strcasestr(s->buffer, "\r\ncontent-length:");
    int size = field && field < end ? atoi(field + 17) : 0;
    int chunked = strcasestr(s->buffer, "\r\ntransfer-encoding: chunked") != NULL;
    char *body = end + 4;
    if (chunked ? !strstr(body, "0\r\n\r\n") : s->buffer + s->length < body + size) return s->length < 65535;
    s->length = 0;
    int good = answer(s, body);
    free(s->buffer);
    s->buffer = NULL;
    return good;
}

static void turn(void) {
    long long time = now();
    for (struct stream *s = active.after, *next; s != &active; s = next) {
        next = s->after;
        if (s->next > time) continue;
        if (s->left <= 0) {
            rest(s);
            if (!finish(s)) drop(s);
            continue;
        }
        if (!event(s)) {
            drop(s);
            continue;
        }
        s->left--;
        s->next += s->interval * 1000000LL;
    }
}

int main(void) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
    if (bind(listener, (struct sockaddr *)&at, size) || listen(listener, 4096)) return 1;
    getsockname(listener, (struct sockaddr *)&at, &size);
    printf("READY port=%d\n", ntohs(at.sin_port));
    fflush(stdout);
    poller = epoll_create1(0);
    struct epoll_event watch = {.events = EPOLLIN, .data.ptr = NULL}, input = {.events = EPOLLIN, .data.ptr = &active};
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &watch);
    epoll_ctl(poller, EPOLL_CTL_ADD, 0, &input);
    for (;;) {
        struct epoll_event ready[256];
        int found = epoll_wait(poller, ready, 256, count ? 1 : -1);
        for (int index = 0; index < found; index++) {
            struct stream *s = ready[index].data.ptr;
            if (s == &active) return 0;
            if (s) {
                if (!readable(s)) drop(s);
                continue;
            }
            int fd;
            while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                struct stream *made = calloc(1, sizeof *made);
                made->fd = fd;
                struct epoll_event event = {.events = EPOLLIN, .data.ptr = made};
                epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
            }
        }
        turn();
    }
}
