namespace KAlloc;

/// <summary>On which result of the call a contract holds.</summary>
/// <remarks>
/// <c>spin_trylock</c> enters its section only when it returned true; a function that takes over its argument only on
/// success says so with <see cref="Zero"/>. The condition is about the value the call returned to its caller.
/// </remarks>
public enum Returned
{
    /// <summary>Whatever the call returned.</summary>
    Always,

    /// <summary>The call returned <see langword="true"/>.</summary>
    True,

    /// <summary>The call returned <see langword="false"/>.</summary>
    False,

    /// <summary>The call returned 0: success, in the kernel's convention.</summary>
    Zero,

    /// <summary>The call returned anything but 0: a negative error number, in the kernel's convention.</summary>
    NonZero,

    /// <summary>The call returned a null pointer or null reference.</summary>
    Null,

    /// <summary>The call returned a pointer or reference that is not null.</summary>
    NotNull,
}
