# What crosses between processes: exact builtin data as tagged JSON. Part 2 of the supervisor.
#
#   None, bool, str, list, float and int of 64 bits are themselves; everything else is an object with one key:
#   {"t": [...]} tuple        {"s": [...]} set          {"z": [...]} frozenset    {"d": [[k, v], ...]} dict
#   {"i": "0x.."} long int    {"f": "nan"} float        {"c": [re, im]} complex   {"b": "6869"} bytes
#   {"u": [55296]} string with lone surrogates, as code points
#   {"q": ["0x1", "0x2"]} Fraction                      {"m": ["0x1", "0xa", "0.1"]} Decimal, {"m": ["NaN"]} no number
#   {"y": "int"} a builtin type                         {"o": "type"} anything else: it equals nothing
#   {"e": "type"} the same where its truth is False, which is a claim like any other
#   {"h": 3, "n": "type"} an object that stays with its process (split mode only)
#
# One encoder for wanted values, arguments and answers: what is equal crosses in the same way, however large.
import builtins
import decimal
import fractions
import json
import math

MAX_DEPTH, MAX_INT_BITS, MAX_DECIMAL_EXPONENT = 100, 1 << 22, 1_000_000
SMALL = 1 << 62                                      # integers below this cross as they are
ENCODER = json.JSONEncoder(separators=(',', ':'), check_circular=False)


class TooBig(Exception):
    pass


class Encoder:
    """Turns a value into what json.dumps takes. Subclasses degrade to their builtin base: an own __eq__ is lost."""

    def __init__(self, max_chars, keep=None):
        self.nodes, self.chars, self.most, self.keep = max_chars // 4, max_chars, max_chars, keep

    def encode(self, value):
        text = ENCODER.encode(self.walk(value, 0))
        if len(text) > self.most:
            raise TooBig('the value is too large')
        return text

    def spend(self, chars):
        self.chars -= chars
        if self.chars < 0:
            raise TooBig('the value is too large')

    def number(self, n):
        bits = n.bit_length()
        if bits < 63:
            return n
        if bits > MAX_INT_BITS:
            raise TooBig('an integer of %d bits' % bits)
        self.spend(bits // 4)
        return {'i': hex(n)}

    def quotient(self, n):
        a, b = n.as_integer_ratio()
        bits = a.bit_length() + b.bit_length()
        if bits > MAX_INT_BITS:
            raise TooBig('a quotient of %d bits' % bits)
        self.spend(bits // 2)
        return [hex(a), hex(b)]

    def items(self, values, depth):
        return [self.walk(v, depth) for v in values]

    def listed(self, values, depth):
        """The same for a list or tuple; where its parts are of one plain type, without a step for each."""
        kinds = set(map(type, values))
        if len(kinds) == 1 and len(values) > 8 and self.nodes >= len(values) and depth <= MAX_DEPTH:
            kind, = kinds
            if (kind is int and -SMALL < min(values) and max(values) < SMALL
                    or kind is float and all(map(math.isfinite, values))
                    or kind is str and all(map(str.isascii, values))):
                self.nodes -= len(values)
                if kind is str:
                    self.spend(sum(map(len, values)))
                return list(values)
        return self.items(values, depth)

    def walk(self, v, depth):
        self.nodes -= 1
        if self.nodes < 0:
            raise TooBig('the value has too many parts')
        if depth > MAX_DEPTH:
            raise TooBig('the value is nested too deeply')
        t = type(v)
        if v is None or t is bool:
            return v
        if t is int:
            return self.number(v)
        if t is str:
            self.spend(len(v))
            if not v.isascii():
                try:
                    v.encode('utf-8')
                except UnicodeEncodeError:
                    return {'u': [ord(c) for c in v]}
            return v
        if t is float:
            return v if v - v == 0 else {'f': repr(v)}
        depth += 1
        if t is list:
            return self.listed(v, depth)
        if t is tuple:
            return {'t': self.listed(v, depth)}
        if t is dict:
            return {'d': [[self.walk(k, depth), self.walk(w, depth)] for k, w in v.items()]}
        if t is set:
            return {'s': self.items(v, depth)}
        if t is frozenset:
            return {'z': self.items(v, depth)}
        return self.other(t, v, depth)

    def other(self, t, v, depth):
        bases = t.__mro__
        if int in bases:
            return self.number(int.__add__(v, 0))
        if float in bases:
            return self.walk(float.__pos__(v), depth)
        if str in bases:
            return self.walk(str.__str__(v), depth)
        if tuple in bases:
            return {'t': self.items(tuple.__iter__(v), depth)}
        if list in bases:
            return self.items(list.__iter__(v), depth)
        if dict in bases:
            return self.walk(dict(dict.items(v)), depth)
        if set in bases or t is type({}.keys()):
            return {'s': self.items(set.__iter__(v) if set in bases else v, depth)}
        if frozenset in bases:
            return {'z': self.items(frozenset.__iter__(v), depth)}
        if bytes in bases or bytearray in bases:
            self.spend(2 * len(v))
            return {'b': bytes(v).hex()}
        if t is complex:
            return {'c': [self.walk(v.real, depth), self.walk(v.imag, depth)]}
        if t is fractions.Fraction:
            return {'q': self.quotient(v)}
        if t is decimal.Decimal:
            if not v.is_finite():
                return {'m': [str(v)]}
            if v and max(abs(v.adjusted()), abs(v.as_tuple().exponent)) > MAX_DECIMAL_EXPONENT:
                raise TooBig('a decimal number with %d digits' % max(abs(v.adjusted()), abs(v.as_tuple().exponent)))
            return {'m': self.quotient(v) + [str(v)]}
        if t is type and getattr(builtins, v.__name__, None) is v:
            return {'y': v.__name__}
        if self.keep is not None:
            return {'h': self.keep(v), 'n': str(t.__name__)[:100]}
        return {'o' if v else 'e': str(t.__name__)[:100]}


def untag(d):
    """The object hook that undoes Encoder, for data whose sender is bound to nothing: anything odd raises."""
    if len(d) == 1:
        (tag, x), = d.items()
        if tag == 't':
            return tuple(x)
        if tag == 'd':
            return {k: v for k, v in x}
        if tag == 's':
            return set(x)
        if tag == 'z':
            return frozenset(x)
        if tag == 'i':
            return int(x, 16)
        if tag == 'f':
            return float(x)
        if tag == 'c':
            return complex(x[0], x[1])
        if tag == 'b':
            return bytes.fromhex(x)
        if tag == 'u':
            return ''.join(map(chr, x))
        if tag == 'q':
            return fractions.Fraction(int(x[0], 16), int(x[1], 16))
        if tag == 'm':
            return decimal.Decimal(x[-1])
        if tag == 'y':
            return {t.__name__: t for t in vars(builtins).values() if type(t) is type}[x]
        if tag in ('o', 'e'):
            return Opaque(str(x))
    raise ValueError('unknown tag')


DECODER = json.JSONDecoder(object_hook=untag)


class Opaque:
    """Stands for a value that could not cross; equal to nothing."""

    def __init__(self, name):
        self.name = name

    def __repr__(self):
        return '<%s>' % self.name


def plain(text, most):
    """The text cut, and without lone surrogates: fit for JSON that anybody reads."""
    return str(text)[:most].encode('utf-8', 'replace').decode('utf-8')


def describe(error):
    """[type, message] of an exception, whatever its class does when asked."""
    try:
        name = plain(type(error).__name__, 100)
    except BaseException:
        name = 'Exception'
    try:
        text = plain(error, 500)
    except BaseException:
        text = ''
    return [name, text]
