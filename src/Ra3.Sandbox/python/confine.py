# Confinement: uid, rlimits, Landlock and seccomp, by way of ctypes. Part 1 of the supervisor (the parts are joined).
import ctypes
import os
import platform
import resource
import struct

libc = ctypes.CDLL(None, use_errno=True)

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP = 1, 4, 38, 22


class Refused(Exception):
    """This machine cannot confine a program; the message says what is missing."""


def prctl(option, value, *rest):
    if libc.prctl(option, ctypes.c_ulong(value), *(rest or (0, 0, 0))) != 0:
        code = ctypes.get_errno()
        raise Refused('prctl(%d) failed: %s' % (option, os.strerror(code)))


def die_with_parent(arguments=(PR_SET_PDEATHSIG, ctypes.c_ulong(9), 0, 0, 0)):
    libc.prctl(*arguments)


def drop_root(uid):
    """As root: become an ordinary user for good, so that file permissions and process limits count."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


# ---- Landlock -------------------------------------------------------------------------------------------------------
# x86-64 and every newer architecture share these three numbers.
SYS_LANDLOCK_CREATE_RULESET, SYS_LANDLOCK_ADD_RULE, SYS_LANDLOCK_RESTRICT_SELF = 444, 445, 446
FS_WRITE_FILE, FS_READ_FILE, FS_READ_DIR = 1 << 1, 1 << 2, 1 << 3
FS_RIGHTS_BY_ABI = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1}  # 5 and later: 1 << 16


def landlock_abi():
    """The kernel's Landlock version, 0 where there is none."""
    return max(0, libc.syscall(SYS_LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), 1))


def restrict_files(readable, writable):
    """From here on this process reads only what lies under `readable`, writes only `writable`, and opens no TCP port.
    Where the kernel knows how, signals and abstract sockets outside the sandbox are out of reach too."""
    abi = landlock_abi()
    if abi < 1:
        raise Refused('the kernel offers no Landlock (5.13 or newer with "landlock" among its security modules)')
    fields = [FS_RIGHTS_BY_ABI.get(abi, (1 << 16) - 1)]
    if abi >= 4:
        fields.append(3)  # TCP bind and connect
    if abi >= 6:
        fields.append(3)  # abstract unix sockets and signals
    attr = struct.pack('<%dQ' % len(fields), *fields)
    ruleset = libc.syscall(SYS_LANDLOCK_CREATE_RULESET, attr, ctypes.c_size_t(len(attr)), 0)
    if ruleset < 0:
        raise Refused('landlock_create_ruleset failed: %s' % os.strerror(ctypes.get_errno()))
    for paths, file_rights in ((readable, FS_READ_FILE), (writable, FS_READ_FILE | FS_WRITE_FILE)):
        for path in paths:
            try:
                fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
            except OSError:
                continue  # a folder that is not there needs no rule
            rights = file_rights | (FS_READ_DIR if os.path.isdir(path) else 0)
            rule = struct.pack('<Qi', rights, fd)
            result = libc.syscall(SYS_LANDLOCK_ADD_RULE, ruleset, 1, rule, 0)
            os.close(fd)
            if result != 0:
                raise Refused('landlock_add_rule(%s) failed: %s' % (path, os.strerror(ctypes.get_errno())))
    result = libc.syscall(SYS_LANDLOCK_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)
    if result != 0:
        raise Refused('landlock_restrict_self failed: %s' % os.strerror(ctypes.get_errno()))


# ---- seccomp --------------------------------------------------------------------------------------------------------
# Numbers of x86-64. Anything not named below fails with EPERM; another architecture is refused at start.
ALLOWED = dict(
    read=0, write=1, close=3, stat=4, fstat=5, lstat=6, poll=7, lseek=8, mprotect=10, munmap=11, brk=12,
    rt_sigaction=13, rt_sigprocmask=14, rt_sigreturn=15, pread64=17, pwrite64=18, readv=19, writev=20, access=21,
    pipe=22, select=23, sched_yield=24, mremap=25, madvise=28, dup=32, dup2=33, pause=34, nanosleep=35, getitimer=36,
    alarm=37, setitimer=38, getpid=39, recvfrom=45, shutdown=48, getsockname=51, getpeername=52, getsockopt=55,
    exit=60, uname=63, fsync=74, fdatasync=75, getcwd=79, chdir=80, readlink=89, umask=95, gettimeofday=96,
    getrlimit=97, getrusage=98, sysinfo=99, times=100, getuid=102, getgid=104, geteuid=107, getegid=108, getppid=110,
    getpgrp=111, getgroups=115, getresuid=118, getresgid=120, getpgid=121, getsid=124, sigaltstack=131,
    getpriority=140, sched_getparam=143, sched_getscheduler=145, sched_get_priority_max=146,
    sched_get_priority_min=147, gettid=186, time=201, futex=202, sched_getaffinity=204,
    epoll_create=213, getdents64=217, set_tid_address=218, restart_syscall=219, clock_gettime=228, clock_getres=229,
    clock_nanosleep=230, exit_group=231, epoll_wait=232, epoll_ctl=233, openat=257, open=2, newfstatat=262,
    readlinkat=267, faccessat=269, pselect6=270, ppoll=271, set_robust_list=273, get_robust_list=274,
    epoll_pwait=281, eventfd2=290, epoll_create1=291, dup3=292, pipe2=293, getcpu=309,
    getrandom=318, statx=332, rseq=334, close_range=436, faccessat2=439, rt_sigpending=127, rt_sigtimedwait=128,
    rt_sigsuspend=130, fadvise64=221)
# Never legitimate in a program that is to be judged: the process dies and the verdict is sandbox_violation.
DEADLY = dict(
    ptrace=101, pivot_root=155, acct=163, settimeofday=164, chroot=161, mount=165, umount2=166, swapon=167,
    swapoff=168, reboot=169, sethostname=170, setdomainname=171, iopl=172, ioperm=173, init_module=175,
    delete_module=176, quotactl=179, clock_settime=227, kexec_load=246, add_key=248, request_key=249, keyctl=250,
    unshare=272, perf_event_open=298, name_to_handle_at=303, open_by_handle_at=304, setns=308, process_vm_readv=310,
    process_vm_writev=311, kcmp=312, finit_module=313, kexec_file_load=320, bpf=321, userfaultfd=323,
    io_uring_setup=425, io_uring_enter=426, io_uring_register=427, open_tree=428, move_mount=429, fsopen=430,
    fsmount=432, pidfd_send_signal=424, pidfd_getfd=438, process_madvise=440, mount_setattr=442)
AUDIT_ARCH_X86_64, X32_BIT = 0xC000003E, 0x40000000
RET_ALLOW, RET_ERRNO, RET_KILL = 0x7FFF0000, 0x00050000, 0x80000000
EPERM, ENOSYS = 1, 38
SIGKILL, RLIMIT_CPU = 9, 0
LOAD, AND, JEQ, JGE, RET = 0x20, 0x54, 0x15, 0x35, 0x06
OFFSET_NR, OFFSET_ARCH = 0, 4
THREAD_NAME_OPTIONS = (15, 16, 3)                                    # PR_SET_NAME, PR_GET_NAME, PR_GET_DUMPABLE
TERMINAL_QUERIES = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)  # TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIO(N)CLEX
DESCRIPTOR_COMMANDS = (0, 1, 2, 3, 1030)                             # F_DUPFD, F_[GS]ETFD, F_GETFL, F_DUPFD_CLOEXEC


def argument(n, high=False):
    return 16 + 8 * n + (4 if high else 0)


def seccomp_filter(pid):
    """The filter for the process `pid`: BPF instructions, packed."""
    code = []

    def emit(op, k, yes=0, no=0):
        code.append(struct.pack('<HBBI', op, yes, no, k))

    def answer(nr, action):
        emit(JEQ, nr, 0, 1)
        emit(RET, action)

    def allow_values(nr, n, values):
        """Allows `nr` when its argument n is one of the values; otherwise the next rules decide."""
        emit(JEQ, nr, 0, 2 + 2 * len(values))
        emit(LOAD, argument(n))
        for value in values:
            answer(value, RET_ALLOW)
        emit(LOAD, OFFSET_NR)

    def deny_value(nr, n, value):
        """Denies `nr` when its argument n is the value; otherwise the next rules decide."""
        emit(JEQ, nr, 0, 4)
        emit(LOAD, argument(n))
        emit(JEQ, value, 0, 1)
        emit(RET, RET_ERRNO | EPERM)
        emit(LOAD, OFFSET_NR)

    def deny_change(nr, n, value, pointer):
        """Denies `nr` when its argument n is the value and its argument `pointer` is not null; otherwise the next
        rules decide."""
        emit(JEQ, nr, 0, 8)
        emit(LOAD, argument(n))
        emit(JEQ, value, 0, 5)
        emit(LOAD, argument(pointer))
        emit(JEQ, 0, 0, 2)
        emit(LOAD, argument(pointer, True))
        emit(JEQ, 0, 1, 0)
        emit(RET, RET_ERRNO | EPERM)
        emit(LOAD, OFFSET_NR)

    def allow_all(nr, *masked):
        """Allows `nr` when every (offset, mask, value) holds, and denies it otherwise."""
        emit(JEQ, nr, 0, 4 * len(masked) + 1)
        for offset, mask, value in masked:
            emit(LOAD, offset)
            emit(AND, mask)
            emit(JEQ, value, 1, 0)
            emit(RET, RET_ERRNO | EPERM)
        emit(RET, RET_ALLOW)

    emit(LOAD, OFFSET_ARCH)
    emit(JEQ, AUDIT_ARCH_X86_64, 1, 0)
    emit(RET, RET_KILL)
    emit(LOAD, OFFSET_NR)
    emit(JGE, X32_BIT, 0, 1)
    emit(RET, RET_KILL)
    for nr in ALLOWED.values():
        answer(nr, RET_ALLOW)
    for nr in DEADLY.values():
        answer(nr, RET_KILL)
    answer(435, RET_ERRNO | ENOSYS)                  # clone3 hides its flags in memory; libc then falls back to clone
    # No program ends by SIGKILL of its own making, neither by a signal nor by a CPU limit of its own: one that does was
    # killed from outside, which is no verdict about it.
    deny_value(62, 1, SIGKILL)
    deny_value(234, 2, SIGKILL)
    deny_value(160, 0, RLIMIT_CPU)
    deny_change(302, 1, RLIMIT_CPU, 2)
    answer(160, RET_ALLOW)                           # setrlimit
    allow_values(62, 0, (pid,))                      # kill: oneself
    allow_values(234, 0, (pid,))                     # tgkill: own threads
    allow_values(302, 0, (0, pid))                   # prlimit64: own limits
    allow_values(157, 0, THREAD_NAME_OPTIONS)        # prctl
    allow_values(16, 1, TERMINAL_QUERIES)            # ioctl
    # fcntl: no owner, no signal, no O_ASYNC (the kernel would send signals on the program's behalf), and no pipe
    # size (pipes are memory that no limit counts).
    allow_values(72, 1, DESCRIPTOR_COMMANDS)
    allow_all(72, (argument(1), 0xFFFFFFFF, 4), (argument(2), 0x2000, 0))
    allow_all(9, (argument(3), 1, 0))                # mmap: private only; shared memory escapes RLIMIT_DATA
    allow_all(56, (argument(0), 0x10000, 0x10000))   # clone: threads only
    allow_all(53, (argument(0), 0xFFFFFFFF, 1), (argument(1), 0xF, 1))  # socketpair: unix streams, for event loops
    # sendto without an address: a datagram pair could reach any abstract socket.
    allow_all(44, (argument(4), 0xFFFFFFFF, 0), (argument(4, True), 0xFFFFFFFF, 0))
    emit(RET, RET_ERRNO | EPERM)
    return b''.join(code)


class FilterProgram(ctypes.Structure):
    _fields_ = [('length', ctypes.c_ushort), ('code', ctypes.c_void_p)]


class CallFilter:
    """The filter, built once: a child only writes its own pid in and installs it."""

    MARK = 0x5A17C0DE

    def __init__(self):
        code = seccomp_filter(self.MARK)
        mark = struct.pack('<I', self.MARK)
        self.code = ctypes.create_string_buffer(code, len(code))
        self.view = memoryview(self.code).cast('B')
        self.places = [at for at in range(4, len(code), 8) if code[at:at + 4] == mark]
        self.program = FilterProgram(len(code) // 8, ctypes.addressof(self.code))
        self.arguments = (PR_SET_SECCOMP, ctypes.c_ulong(2), ctypes.byref(self.program), 0, 0)

    def install(self, pid):
        mark = pid.to_bytes(4, 'little')
        for at in self.places:
            self.view[at:at + 4] = mark
        if libc.prctl(*self.arguments) != 0:
            raise Refused('seccomp refused the filter: %s' % os.strerror(ctypes.get_errno()))


def check_architecture():
    if platform.machine() != 'x86_64' or struct.calcsize('P') != 8:
        raise Refused('the seccomp filter is written for x86-64 and this is %s' % platform.machine())


HARD = [resource.getrlimit(which)[1] for which in range(16)]


def capped(which, value):
    """A hard and soft limit, no higher than the hard one that holds."""
    return which, (value if HARD[which] == resource.RLIM_INFINITY else min(value, HARD[which]),) * 2


def limit_zygote():
    """The limits that are the same for every program: set once, inherited by all."""
    for which, value in ((resource.RLIMIT_NOFILE, 64), (resource.RLIMIT_FSIZE, 1 << 20), (resource.RLIMIT_CORE, 0),
                         (resource.RLIMIT_MEMLOCK, 0), (resource.RLIMIT_MSGQUEUE, 0)):
        resource.setrlimit(*capped(which, value))
    # A program may ask for more stack, as many whole programs do at their start: the limit on memory counts it.
    which, (stack, _) = capped(resource.RLIMIT_STACK, 64 << 20)
    resource.setrlimit(which, (stack, HARD[which]))


def program_limits(cpu_seconds, memory_bytes, processes):
    """The rest. The CPU limit here is the backstop of the zygote's exact one."""
    return [capped(resource.RLIMIT_CPU, int(2 * cpu_seconds) + 2), capped(resource.RLIMIT_AS, memory_bytes),
            capped(resource.RLIMIT_DATA, memory_bytes), capped(resource.RLIMIT_NPROC, processes)]
