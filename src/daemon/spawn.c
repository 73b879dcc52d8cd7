#include "daemon/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"

enum { CANDIDATES = 64 };

/* Everything the child needs, worked out before the fork. */
struct plan {
    const struct spawn_options *o;
    int in, out, err, report; /* the child's ends */
    pid_t parent;
    char *paths[CANDIDATES + 1]; /* what to try to execute, in order */
    struct passwd *user;
    gid_t groups[64];
    int n_groups;
};

static void pair_close(int p[2]) {
    for (int i = 0; i < 2; i++)
        if (p[i] >= 0) (void)close(p[i]);
}

void spawned_close(struct spawned *s) {
    int *const fds[] = {&s->pidfd, &s->in, &s->out, &s->err, &s->exec_fd};
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        if (*fds[i] >= 0) (void)close(*fds[i]);
        *fds[i] = -1;
    }
}

static const char *env_get(char *const *env, const char *key) {
    size_t n = strlen(key);
    for (; *env; env++)
        if (strncmp(*env, key, n) == 0 && (*env)[n] == '=') return *env + n + 1;
    return NULL;
}

/* A command with a slash is taken as it is (relative to the manifest's directory); else PATH is searched. */
static int plan_paths(struct plan *p) {
    const char *file = p->o->command[0];
    if (strchr(file, '/')) {
        p->paths[0] = strdup(file);
        return p->paths[0] ? 0 : -ENOMEM;
    }
    const char *path = env_get(p->o->env, "PATH");
    if (!path) path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    for (size_t n = 0; n < CANDIDATES && *path;) {
        size_t len = strcspn(path, ":");
        if (len && asprintf(&p->paths[n++], "%.*s/%s", (int)len, path, file) < 0) {
            p->paths[n - 1] = NULL;
            return -ENOMEM;
        }
        path += len + (path[len] == ':');
    }
    return 0;
}

static int plan_user(struct plan *p, struct err *e) {
    if (!p->o->user) return 0;
    errno = 0;
    p->user = getpwnam(p->o->user);
    if (!p->user) return err_set(e, -ENOENT, "user \"%s\" does not exist", p->o->user);
    p->n_groups = ARRAY_LEN(p->groups);
    if (getgrouplist(p->o->user, p->user->pw_gid, p->groups, &p->n_groups) < 0) p->n_groups = ARRAY_LEN(p->groups);
    return 0;
}

/* --- between fork and exec: async-signal-safe calls only --- */

static void put(char *to, size_t cap, const char *a, const char *b) {
    size_t n = 0;
    for (; *a && n < cap - 1; a++) to[n++] = *a;
    for (; *b && n < cap - 1; b++) to[n++] = *b;
    to[n] = '\0';
}

static void __attribute__((noreturn)) child_fail(const struct plan *p, int errnum, const char *a, const char *b) {
    struct spawn_failure f = {.errnum = errnum};
    put(f.what, sizeof f.what, a, b);
    ssize_t w = write(p->report, &f, sizeof f); /* a pipe takes this whole; when it does not, 127 still tells */
    _exit(w == (ssize_t)sizeof f ? 126 : 127);
}

static void child_signals(void) {
    /* The system call itself: libc keeps two real-time signals to itself and would leave them ignored if our parent
     * had. All zero is SIG_DFL without flags or mask, whatever the machine's layout. Fails only for KILL and STOP. */
    static const unsigned long dfl[16];
    for (int s = 1; s < NSIG; s++) (void)syscall(SYS_rt_sigaction, s, dfl, NULL, (size_t)(_NSIG / 8));
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The daemon raises its own soft limit; what select(2) can count is what a plugin expects. */
static void child_nofile(uint64_t soft) {
    struct rlimit l;
    if (!soft || getrlimit(RLIMIT_NOFILE, &l) < 0) return;
    l.rlim_cur = soft < l.rlim_max ? soft : l.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &l);
}

static void child_privileges(const struct plan *p) {
    child_nofile(p->o->nofile);
    for (size_t i = 0; i < p->o->n_rlimits; i++) {
        struct rlimit l = {p->o->rlimits[i].value, p->o->rlimits[i].value};
        if (p->o->rlimits[i].resource == RLIMIT_CPU) l.rlim_max++; /* SIGXCPU first: it says what happened */
        if (setrlimit((__rlimit_resource_t)p->o->rlimits[i].resource, &l) < 0)
            child_fail(p, errno, "cannot set a resource limit", "");
    }
    if (p->user) {
        if (setgroups((size_t)p->n_groups, p->groups) < 0 ||
            setresgid(p->user->pw_gid, p->user->pw_gid, p->user->pw_gid) < 0 ||
            setresuid(p->user->pw_uid, p->user->pw_uid, p->user->pw_uid) < 0)
            child_fail(p, errno, "cannot become user ", p->o->user);
    }
    /* after the privileges: changing uid clears it; and the parent may be gone already */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != p->parent) _exit(127);
}

static void __attribute__((noreturn)) child_main(const struct plan *p) {
    (void)setsid();
    if (p->o->cgroup_procs >= 0 && write(p->o->cgroup_procs, "0", 1) != 1)
        child_fail(p, errno, "cannot enter its control group", "");
    (void)umask(022);
    if (dup2(p->in, 0) < 0 || dup2(p->out, 1) < 0 || dup2(p->err, 2) < 0)
        child_fail(p, errno, "cannot set up stdio", "");
    (void)syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC);
    if (chdir(p->o->dir) < 0) child_fail(p, errno, "cannot change to ", p->o->dir);
    child_privileges(p);
    child_signals();
    int why = ENOENT;
    for (char *const *path = p->paths; *path; path++) {
        (void)execve(*path, p->o->command, p->o->env);
        if (errno != ENOENT && errno != ENOTDIR) why = errno;
        if (errno != ENOENT && errno != ENOTDIR && errno != EACCES) break;
    }
    child_fail(p, why, "cannot execute ", p->o->command[0]);
}

static pid_t fork_child(const struct plan *p) {
    sigset_t all, old;
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, &old); /* no handler of ours may run in the child */
    pid_t pid = fork();
    if (pid == 0) child_main(p);
    int saved = errno;
    (void)sigprocmask(SIG_SETMASK, &old, NULL);
    errno = saved;
    return pid;
}

static int nonblock(int fd) { return fcntl(fd, F_SETFL, O_NONBLOCK); }

static int start(struct plan *p, struct spawned *out, struct err *e) {
    int in[2] = {-1, -1}, so[2] = {-1, -1}, se[2] = {-1, -1}, rep[2] = {-1, -1};
    int r = 0;
    if (pipe2(in, O_CLOEXEC) < 0 || pipe2(so, O_CLOEXEC) < 0 || pipe2(se, O_CLOEXEC) < 0 || pipe2(rep, O_CLOEXEC) < 0 ||
        nonblock(in[1]) < 0 || nonblock(so[0]) < 0 || nonblock(se[0]) < 0 || nonblock(rep[0]) < 0)
        r = err_sys(e, errno, "cannot make the pipes of a plugin");
    pid_t pid = -1;
    int pidfd = -1, in_size = r == 0 ? fcntl(in[1], F_GETPIPE_SZ) : 0;
    if (r == 0) {
        p->in = in[0];
        p->out = so[1];
        p->err = se[1];
        p->report = rep[1];
        p->parent = getpid();
        pid = fork_child(p);
        if (pid < 0) r = err_sys(e, errno, "cannot fork");
    }
    if (r == 0) {
        pidfd = pidfd_open(pid, 0);
        if (pidfd < 0) {
            r = err_sys(e, errno, "cannot open a pidfd");
            (void)kill(pid, SIGKILL); /* ours and not reaped: the pid cannot be another's */
            (void)waitpid(pid, NULL, 0);
        }
    }
    if (r < 0) {
        pair_close(in);
        pair_close(so);
        pair_close(se);
        pair_close(rep);
        return r;
    }
    (void)close(in[0]);
    (void)close(so[1]);
    (void)close(se[1]);
    (void)close(rep[1]);
    *out = (struct spawned){
        .pid = pid, .pidfd = pidfd, .in = in[1], .in_size = in_size, .out = so[0], .err = se[0], .exec_fd = rep[0]};
    return 0;
}

int spawn(const struct spawn_options *o, struct spawned *out, struct err *e) {
    struct plan p = {.o = o};
    int r = plan_user(&p, e);
    if (r == 0 && plan_paths(&p) < 0) r = err_sys(e, ENOMEM, "cannot start a plugin");
    if (r == 0) r = start(&p, out, e);
    for (char **path = p.paths; *path; path++) free(*path);
    return r;
}

/* --- environment --- */

static int env_put(char ***envp, size_t *np, const char *key, const char *value) {
    char *text;
    size_t k = strlen(key);
    if (asprintf(&text, "%s=%s", key, value) < 0) return -ENOMEM;
    for (size_t i = 0; i < *np; i++)
        if (strncmp((*envp)[i], text, k + 1) == 0) {
            free((*envp)[i]);
            (*envp)[i] = text;
            return 0;
        }
    char **p = reallocarray(*envp, *np + 2, sizeof *p);
    if (!p) {
        free(text);
        return -ENOMEM;
    }
    p[(*np)++] = text;
    p[*np] = NULL;
    *envp = p;
    return 0;
}

static int env_manifest(char ***envp, size_t *np, const struct manifest *m) {
    int r = 0;
    for (char **v = m->env; v && *v && r == 0; v++) {
        cleanup_free char *key = strndup(*v, strcspn(*v, "="));
        r = key ? env_put(envp, np, key, *v + strlen(key) + 1) : -ENOMEM;
    }
    return r;
}

char **spawn_env(const struct manifest *m, const char *run, const char *instance, const char *credentials) {
    static const char *const kept[] = {"PATH", "HOME", "LANG", "TZ"};
    char **env = calloc(1, sizeof *env);
    size_t n = 0;
    int r = env ? 0 : -ENOMEM;
    for (size_t i = 0; i < ARRAY_LEN(kept) && r == 0; i++) {
        const char *v = getenv(kept[i]);
        if (v) r = env_put(&env, &n, kept[i], v);
    }
    const struct passwd *pw = m->user ? getpwnam(m->user) : NULL;
    if (r == 0 && pw) r = env_put(&env, &n, "HOME", pw->pw_dir);
    if (r == 0) r = env_manifest(&env, &n, m);
    if (r == 0 && credentials) r = env_put(&env, &n, "CREDENTIALS_DIRECTORY", credentials);
    if (r == 0) r = env_put(&env, &n, "HOOKCAST_PLUGIN", m->name);
    if (r == 0) r = env_put(&env, &n, "HOOKCAST_KIND", m->kind);
    if (r == 0) r = env_put(&env, &n, "HOOKCAST_RUN", run);
    if (r == 0) r = env_put(&env, &n, "HOOKCAST_INSTANCE", instance);
    if (r == 0) return env;
    spawn_env_free(env);
    return NULL;
}

void spawn_env_free(char **env) {
    for (char **v = env; v && *v; v++) free(*v);
    free(env);
}
