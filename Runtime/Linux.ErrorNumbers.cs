// The kernel face: error numbers. A kernel function returns them negated: `return -ENOMEM;`.

namespace KAlloc;

public static unsafe partial class Linux
{
    /// <summary><c>EPERM</c>: operation not permitted.</summary>
    public const int EPERM = ErrorNumbers.EPERM;

    /// <summary><c>ENOENT</c>: no such entry.</summary>
    public const int ENOENT = ErrorNumbers.ENOENT;

    /// <summary><c>ESRCH</c>: no such task.</summary>
    public const int ESRCH = ErrorNumbers.ESRCH;

    /// <summary><c>EINTR</c>: interrupted.</summary>
    public const int EINTR = ErrorNumbers.EINTR;

    /// <summary><c>EIO</c>: input/output error.</summary>
    public const int EIO = ErrorNumbers.EIO;

    /// <summary><c>ENXIO</c>: no such device or address.</summary>
    public const int ENXIO = ErrorNumbers.ENXIO;

    /// <summary><c>E2BIG</c>: argument too long.</summary>
    public const int E2BIG = ErrorNumbers.E2BIG;

    /// <summary><c>ENOEXEC</c>: not an executable file.</summary>
    public const int ENOEXEC = ErrorNumbers.ENOEXEC;

    /// <summary><c>EBADF</c>: bad file.</summary>
    public const int EBADF = ErrorNumbers.EBADF;

    /// <summary><c>EAGAIN</c>: try again.</summary>
    public const int EAGAIN = ErrorNumbers.EAGAIN;

    /// <summary><c>ENOMEM</c>: out of memory.</summary>
    public const int ENOMEM = ErrorNumbers.ENOMEM;

    /// <summary><c>EACCES</c>: permission denied.</summary>
    public const int EACCES = ErrorNumbers.EACCES;

    /// <summary><c>EFAULT</c>: bad address.</summary>
    public const int EFAULT = ErrorNumbers.EFAULT;

    /// <summary><c>EBUSY</c>: busy.</summary>
    public const int EBUSY = ErrorNumbers.EBUSY;

    /// <summary><c>EEXIST</c>: exists already.</summary>
    public const int EEXIST = ErrorNumbers.EEXIST;

    /// <summary><c>ENODEV</c>: no such device.</summary>
    public const int ENODEV = ErrorNumbers.ENODEV;

    /// <summary><c>EINVAL</c>: invalid argument.</summary>
    public const int EINVAL = ErrorNumbers.EINVAL;

    /// <summary><c>ENOTTY</c>: no such command for this device.</summary>
    public const int ENOTTY = ErrorNumbers.ENOTTY;

    /// <summary><c>EFBIG</c>: file too large.</summary>
    public const int EFBIG = ErrorNumbers.EFBIG;

    /// <summary><c>ENOSPC</c>: no space left.</summary>
    public const int ENOSPC = ErrorNumbers.ENOSPC;

    /// <summary><c>ESPIPE</c>: no seek.</summary>
    public const int ESPIPE = ErrorNumbers.ESPIPE;

    /// <summary><c>EROFS</c>: read-only.</summary>
    public const int EROFS = ErrorNumbers.EROFS;

    /// <summary><c>EPIPE</c>: broken pipe.</summary>
    public const int EPIPE = ErrorNumbers.EPIPE;

    /// <summary><c>ERANGE</c>: result out of range.</summary>
    public const int ERANGE = ErrorNumbers.ERANGE;

    /// <summary><c>EDEADLK</c>: would deadlock.</summary>
    public const int EDEADLK = ErrorNumbers.EDEADLK;

    /// <summary><c>ENAMETOOLONG</c>: name too long.</summary>
    public const int ENAMETOOLONG = ErrorNumbers.ENAMETOOLONG;

    /// <summary><c>ENOSYS</c>: not implemented.</summary>
    public const int ENOSYS = ErrorNumbers.ENOSYS;

    /// <summary><c>ENOTEMPTY</c>: not empty.</summary>
    public const int ENOTEMPTY = ErrorNumbers.ENOTEMPTY;

    /// <summary><c>ELOOP</c>: too many links, or turns.</summary>
    public const int ELOOP = ErrorNumbers.ELOOP;

    /// <summary><c>EOVERFLOW</c>: value too large.</summary>
    public const int EOVERFLOW = ErrorNumbers.EOVERFLOW;

    /// <summary><c>EOPNOTSUPP</c>: not supported.</summary>
    public const int EOPNOTSUPP = ErrorNumbers.EOPNOTSUPP;

    /// <summary><c>ETIMEDOUT</c>: timed out.</summary>
    public const int ETIMEDOUT = ErrorNumbers.ETIMEDOUT;

    /// <summary><c>EALREADY</c>: in progress already.</summary>
    public const int EALREADY = ErrorNumbers.EALREADY;

    /// <summary><c>EINPROGRESS</c>: in progress.</summary>
    public const int EINPROGRESS = ErrorNumbers.EINPROGRESS;
}
