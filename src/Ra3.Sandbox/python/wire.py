# What crosses between processes: exact builtin data as tagged JSON. Part 2 of the supervisor.
#
#   None, bool, str, list, float and int of 64 bits are themselves; everything else is an object with one key:
#   {"t": [...]} tuple        {"s": [...]} set          {"z": [...]} frozenset    {"d": [[k, v], ...]} dict
#   {"i": "0x.."} long int    {"f": "nan"} float        {"c": [re, im]} complex   {"b": "6869"} bytes
#   {"u": [55296]} string with lone surrogates, as code points
#   {"q": ["0x1", "0x2"]} Fraction or Decimal           {"o": "type"} anything else: it equals nothing
#   {"y": "int"} a builtin type
#   {"x": "sha256"} a large value, by a digest that equal values share (answers only)
#   {"h": 3, "n": "type"} an object that stays with its process (split mode only)
import builtins
import decimal
import fractions
import hashlib
import json

MAX_DEPTH, MAX_INT_BITS = 100, 1 << 22
ENCODER = json.JSONEncoder(separators=(',', ':'), check_circular=False)


class TooBig(Exception):
    pass


class Encoder:
    """Turns a value into what json.dumps takes. Subclasses degrade to their builtin base: an own __eq__ is lost."""

    def __init__(self, max_chars, keep=None):
        self.nodes, self.chars, self.keep = max_chars // 4, max_chars, keep

    def encode(self, value):
        return ENCODER.encode(self.walk(value, 0))

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

    def items(self, values, depth):
        return [self.walk(v, depth) for v in values]

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
            return self.items(v, depth)
        if t is tuple:
            return {'t': self.items(v, depth)}
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
        if t is fractions.Fraction or t is decimal.Decimal and v.is_finite():
            a, b = v.as_integer_ratio()
            return {'q': [hex(a), hex(b)]} if a.bit_length() + b.bit_length() < MAX_INT_BITS else {'o': t.__name__}
        if t is type and getattr(builtins, v.__name__, None) is v:
            return {'y': v.__name__}
        if self.keep is not None:
            return {'h': self.keep(v), 'n': str(t.__name__)[:100]}
        return {'o': str(t.__name__)[:100]}


class Answer(Encoder):
    """Encodes an answer; a large one crosses as a digest. Like the answer itself it is only a claim: without knowing
    the expected value nobody can name its digest. Values with true fractions stay whole: they may be compared roughly."""

    LARGE_NODES, LARGE_TEXT = 50_000, 1 << 16

    def encode(self, value):
        before = self.nodes
        tree = self.walk(value, 0)
        if before - self.nodes > self.LARGE_NODES:
            same = self.canonical(tree)
            if same is not None:
                return json.dumps({'x': self.digest(json.dumps(same))})
        return ENCODER.encode(tree)

    def walk(self, v, depth):
        if type(v) is str and len(v) > self.LARGE_TEXT:
            self.spend(64)
            return {'x': self.digest('s' + v)}
        return Encoder.walk(self, v, depth)

    @staticmethod
    def digest(text):
        return hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()

    def canonical(self, x):
        """The tagged tree with equal values made the same; None where there is a fraction in it."""
        if isinstance(x, float):
            return int(x) if x == int(x) else None
        if isinstance(x, bool):
            return int(x)
        if isinstance(x, list):
            parts = [self.canonical(p) if p is not None else 'N' for p in x]
            return None if None in parts else parts
        if isinstance(x, dict):
            (tag, body), = x.items()
            if tag in 'fqco':
                return None
            parts = self.canonical(body)
            if parts is not None and tag in 'szd':
                parts = sorted(json.dumps(p) for p in parts)
            return None if parts is None else {'s' if tag == 'z' else tag: parts}
        return 's' + x if isinstance(x, str) else x


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
        if tag == 'y':
            return {t.__name__: t for t in vars(builtins).values() if type(t) is type}[x]
        if tag == 'o':
            return Opaque(str(x))
    raise ValueError('unknown tag')


DECODER = json.JSONDecoder(object_hook=untag)


class Opaque:
    """Stands for a value that could not cross; equal to nothing."""

    def __init__(self, name):
        self.name = name

    def __repr__(self):
        return '<%s>' % self.name


def describe(error):
    """[type, message] of an exception, whatever its class does when asked."""
    try:
        name = str(type(error).__name__)[:100]
    except BaseException:
        name = 'Exception'
    try:
        text = str(error)[:500]
    except BaseException:
        text = ''
    return [name, text.encode('utf-8', 'replace').decode('utf-8')]
