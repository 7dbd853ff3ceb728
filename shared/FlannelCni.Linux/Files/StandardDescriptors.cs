using FlannelCni.Linux.Interop;

namespace FlannelCni.Linux.Files;

/// <summary>Standard input, output and error: descriptors 0 to 2.</summary>
public static class StandardDescriptors
{
    private const int Last = 2;

    /// <summary>
    /// Opens <c>/dev/null</c> as those that this process was started without. Else what is opened later takes their
    /// numbers, and gets what is meant for them. To be called before anything is opened.
    /// </summary>
    /// <exception cref="LinuxException">One is not open, and there is no /dev/null.</exception>
    public static void EnsureOpen()
    {
        for (int number = 0; number <= Last; number++)
        {
            if (Libc.fcntl(number, Libc.F_GETFD, 0) < 0)
            {
                // The kernel gives the lowest number that is free: this one.
                using SafeFd fd = RawFile.Open("/dev/null", Libc.O_RDWR, mode: 0);
                fd.SetHandleAsInvalid();    // stays open
            }
        }
    }
}
