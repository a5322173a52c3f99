/* Faults of a disk, a clock and a network, for a program that is started with this before its C library.
 *
 * FAULT_CONTROL names a file that the test writes to while the program runs:
 *   [0] milliseconds by which the wall clock is ahead
 *   [1] not 0: every sync fails
 *   [2] not 0: no sync is done, and each says that it was
 *   [3] syncs so far
 *   [5] the one sync that fails, by its number in [3]; 0 for none
 *   [4] milliseconds that each sync takes longer
 *
 * FAULT_ROOT and FAULT_SHADOW name two directories. What is synced below the one is copied to the other,
 * and removals and renames are repeated there: the shadow is what a power cut would leave.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static volatile long long *control;
static const char *root, *shadow;

__attribute__((constructor)) static void start(void) {
    const char *path = getenv("FAULT_CONTROL");
    root = getenv("FAULT_ROOT");
    shadow = getenv("FAULT_SHADOW");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd >= 0) {
        void *mapped = mmap(NULL, 64, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (mapped != MAP_FAILED) control = mapped;
        close(fd);
    }
}

/* The place in the shadow of a path below the root; 0 if it lies elsewhere. */
static int shadow_of(const char *path, char *out) {
    if (!root || !shadow || strncmp(path, root, strlen(root)) != 0) return 0;
    return snprintf(out, PATH_MAX, "%s%s", shadow, path + strlen(root)) < PATH_MAX;
}

static void make_parents(char *path) {
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        mkdir(path, 0700);
        *slash = '/';
    }
}

static void copy(int fd) {
    char link[64], path[PATH_MAX], place[PATH_MAX];
    static __thread char buffer[1 << 16];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    struct stat about;
    if (length < 0 || fstat(fd, &about) != 0 || !S_ISREG(about.st_mode)) return;
    path[length] = 0;
    if (!shadow_of(path, place)) return;
    make_parents(place);
    int in = open(path, O_RDONLY | O_CLOEXEC), out = open(place, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    off_t at = 0, end;
    while (in >= 0 && out >= 0 && (at = lseek(in, at, SEEK_DATA)) >= 0) {
        end = lseek(in, at, SEEK_HOLE);
        while (at < end) {
            size_t want = end - at < (off_t)sizeof buffer ? (size_t)(end - at) : sizeof buffer;
            ssize_t got = pread(in, buffer, want, at);
            if (got <= 0 || pwrite(out, buffer, got, at) != got) break;
            at += got;
        }
        at = end;
    }
    if (out >= 0 && ftruncate(out, about.st_size) != 0) perror("fault: ftruncate");
    if (in >= 0) close(in);
    if (out >= 0) close(out);
}

/* A synced directory: what is in it now, renamed and removed by calls that pass us by. Journals are left out,
 * for those are written to all the time. */
static void list(int fd) {
    char link[64], path[PATH_MAX], place[PATH_MAX];
    struct stat about;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0 || fstat(fd, &about) != 0 || !S_ISDIR(about.st_mode)) return;
    path[length] = 0;
    if (!shadow_of(path, place)) return;
    DIR *real = opendir(path), *kept = opendir(place);
    for (struct dirent *entry; real && (entry = readdir(real));) {
        const char *dot = strrchr(entry->d_name, '.');
        if (dot && strcmp(dot, ".jnl") == 0) continue;
        int file = openat(dirfd(real), entry->d_name, O_RDONLY | O_CLOEXEC);
        if (file >= 0) copy(file);
        if (file >= 0) close(file);
    }
    for (struct dirent *entry; kept && (entry = readdir(kept));)
        if (entry->d_type == DT_REG && faccessat(fd, entry->d_name, F_OK, 0) != 0) unlinkat(dirfd(kept), entry->d_name, 0);
    if (real) closedir(real);
    if (kept) closedir(kept);
}

static int sync_with(const char *name, int fd) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    if (control) {
        long long number = __sync_add_and_fetch(&control[3], 1);
        if (control[4]) {
            struct timespec pause = {control[4] / 1000, control[4] % 1000 * 1000000};
            nanosleep(&pause, NULL);
        }
        if (control[1] || control[5] == number) {
            errno = EIO;
            return -1;
        }
        if (control[2]) return 0;
    }
    int done = real(fd);
    if (done == 0) copy(fd), list(fd);
    return done;
}

int fsync(int fd) { return sync_with("fsync", fd); }
int fdatasync(int fd) { return sync_with("fdatasync", fd); }

int rename(const char *from, const char *to) {
    int (*real)(const char *, const char *) = (int (*)(const char *, const char *))dlsym(RTLD_NEXT, "rename");
    char one[PATH_MAX], other[PATH_MAX];
    int done = real(from, to);
    if (done == 0 && shadow_of(from, one) && shadow_of(to, other)) real(one, other);
    return done;
}

int unlink(const char *path) {
    int (*real)(const char *) = (int (*)(const char *))dlsym(RTLD_NEXT, "unlink");
    char place[PATH_MAX];
    int done = real(path);
    if (done == 0 && shadow_of(path, place)) real(place);
    return done;
}

int mkdir(const char *path, mode_t mode) {
    int (*real)(const char *, mode_t) = (int (*)(const char *, mode_t))dlsym(RTLD_NEXT, "mkdir");
    char place[PATH_MAX];
    int done = real(path, mode);
    if (done == 0 && shadow_of(path, place)) {
        make_parents(place);
        real(place, mode);
    }
    return done;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int done = real(clock, now);
    if (done == 0 && control && clock == CLOCK_REALTIME && control[0]) {
        long long ms = control[0];
        now->tv_sec += ms / 1000;
        now->tv_nsec += ms % 1000 * 1000000;
        if (now->tv_nsec < 0) now->tv_nsec += 1000000000, now->tv_sec--;
        if (now->tv_nsec >= 1000000000) now->tv_nsec -= 1000000000, now->tv_sec++;
    }
    return done;
}

typedef int (*resolver)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

/* What FAULT_NAMES says of a name: what is behind its "name=", 0 if it says nothing. */
static const char *told(const char *node) {
    size_t length = node ? strlen(node) : 0;
    for (const char *at = getenv("FAULT_NAMES"); at && length; at = strchr(at, ';')) {
        at += *at == ';';
        if (strncmp(at, node, length) == 0 && at[length] == '=') return at + length + 1;
    }
    return 0;
}

/* FAULT_HTTPS is a port of this machine, where every name is, and every connection to port 443 goes.
 *
 * FAULT_NAMES is "name=part,part;name=part": a part is an address of the name, or ~ and the milliseconds that its
 * name servers are silent. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
    resolver real = (resolver)dlsym(RTLD_NEXT, "getaddrinfo");
    const char *at = told(node);
    if (!at) return real(getenv("FAULT_HTTPS") ? "127.0.0.1" : node, service, hints, found);
    *found = 0;
    for (struct addrinfo **end = found;; at++) {
        char part[64];
        size_t length = strcspn(at, ",;");
        snprintf(part, sizeof part, "%.*s", (int)length, at);
        if (*part == '~') {
            usleep((useconds_t)atol(part + 1) * 1000);
        } else {
            int failed = real(part, service, hints, end);
            if (failed) return failed;
            while (*end) end = &(*end)->ai_next;
        }
        at += length;
        if (*at != ',') return *found ? 0 : EAI_NONAME;
    }
}

int connect(int fd, const struct sockaddr *to, socklen_t length) {
    int (*real)(int, const struct sockaddr *, socklen_t) =
        (int (*)(int, const struct sockaddr *, socklen_t))dlsym(RTLD_NEXT, "connect");
    const char *port = getenv("FAULT_HTTPS");
    if (port && to->sa_family == AF_INET && ((const struct sockaddr_in *)to)->sin_port == htons(443)) {
        struct sockaddr_in here = *(const struct sockaddr_in *)to;
        here.sin_port = htons((uint16_t)atoi(port));
        return real(fd, (const struct sockaddr *)&here, sizeof here);
    }
    return real(fd, to, length);
}
