namespace Ra3.Sandbox;

/// <summary>The Python types that cross between processes.</summary>
public enum PyKind
{
    /// <summary>None.</summary>
    None,

    /// <summary>bool.</summary>
    Bool,

    /// <summary>int of any size.</summary>
    Int,

    /// <summary>float.</summary>
    Float,

    /// <summary>complex.</summary>
    Complex,

    /// <summary>Fraction, an exact quotient.</summary>
    Fraction,

    /// <summary>Decimal: an exact quotient, or a double where it is infinite or no number.</summary>
    Decimal,

    /// <summary>str.</summary>
    Str,

    /// <summary>bytes or bytearray.</summary>
    Bytes,

    /// <summary>list.</summary>
    List,

    /// <summary>tuple.</summary>
    Tuple,

    /// <summary>set or frozenset.</summary>
    Set,

    /// <summary>dict.</summary>
    Dict,

    /// <summary>Anything else. It equals nothing, itself included.</summary>
    Opaque,
}
