"""Random schemas and instances, the same ones for the same seed.

Names, strings and numbers come from small sets, so that instances meet what schemas ask for about half of the time.
"""

import random

NAMES = ["a", "b", "c", "ab", "x-1", "é", "a/b~%"]
STRINGS = ["", "a", "abc", "ABC", "a1", "12", "é", "😀", "a b", "abc\n", "٣", "12-34", "x" * 9]
PATTERNS = ["^a", "c$", "^[a-z]*$", "\\d", "^\\d+-\\d+$", "\\s", "^\\w+$", "b|1", "^.{2,3}$", "é", "^$", "[^a-c]", "(?:a1)?$",
            "\\S\\W\\D", "^(?!a)", "x{3,}"]
NUMBERS = [0, 1, -1, 2, 3, 7, 10, 100, 0.5, 1.0, 2.5, -0.5, 0.1, 0.3, 1e2, 1.1, 0.01, 19.99, 4.35, 9007199254740992,
           9007199254740993, 12345678901234567890, 1e300, -1e-7]
DIVISORS = [1, 2, 0.5, 0.1, 0.01, 3, 1.5, 10, 7, 1e-3]
TYPES = ["null", "boolean", "integer", "number", "string", "array", "object"]


class Generator:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.defs = 0

    def chance(self, p):
        return self.random.random() < p

    def pick(self, items):
        return self.random.choice(items)

    # -- instances -------------------------------------------------------------------------------------------------

    def value(self, depth=3):
        kind = self.random.randrange(8 if depth else 5)
        if kind == 0:
            return self.pick([None, True, False])
        if kind <= 2:
            return self.pick(NUMBERS)
        if kind <= 4:
            return self.pick(STRINGS)
        if kind == 5:
            return [self.value(depth - 1) for _ in range(self.random.randrange(5))]
        names = self.random.sample(NAMES, self.random.randrange(5))
        return {name: self.value(depth - 1) for name in names}

    def container(self):
        """Mostly an object or a list: most keywords are about those."""
        value = self.value(3)
        while not isinstance(value, (dict, list)) and self.chance(0.7):
            value = self.value(3)
        return value

    # -- schemas ---------------------------------------------------------------------------------------------------

    def schema(self):
        self.defs = self.random.randrange(4)
        schema = self.subschema(3)
        if not isinstance(schema, dict):
            schema = {"allOf": [schema]}
        if self.defs:
            schema["$defs"] = {}
            for i in range(self.defs):
                here, self.defs = self.defs, i  # refers to earlier ones only: no loops without progress
                schema["$defs"][f"d{i}"] = self.subschema(2)
                self.defs = here
        if self.chance(0.3):
            schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
        return schema

    def subschema(self, depth):
        if depth <= 0 or self.chance(0.08):
            return self.pick([True, True, False, {}, {"type": self.pick(TYPES)}])
        out = {}
        for _ in range(self.random.randrange(1, 4)):
            self.pick([self.any, self.number, self.string, self.array, self.object, self.object, self.applicator,
                       self.unevaluated])(out, depth - 1)
        return out

    def any(self, out, depth):
        what = self.random.randrange(4)
        if what == 0:
            out["type"] = self.pick(TYPES)
        elif what == 1:
            out["type"] = self.random.sample(TYPES, self.random.randrange(1, 4))
        elif what == 2:
            out["enum"] = [self.value(2) for _ in range(self.random.randrange(1, 6))]
        else:
            out["const"] = self.value(2)

    def number(self, out, depth):
        what = self.pick(["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"])
        out[what] = self.pick(DIVISORS) if what == "multipleOf" else self.pick(NUMBERS)

    def string(self, out, depth):
        what = self.pick(["minLength", "maxLength", "pattern"])
        out[what] = self.pick(PATTERNS) if what == "pattern" else self.random.randrange(5)

    def array(self, out, depth):
        what = self.random.randrange(7)
        if what == 0:
            out["prefixItems"] = [self.subschema(depth) for _ in range(self.random.randrange(1, 4))]
        elif what == 1:
            out["items"] = self.subschema(depth)
        elif what == 2:
            out["contains"] = self.subschema(depth)
            if self.chance(0.5):
                out["minContains"] = self.random.randrange(3)
            if self.chance(0.4):
                out["maxContains"] = self.random.randrange(4)
        elif what == 3:
            out["uniqueItems"] = self.chance(0.8)
        elif what == 4:
            out["minItems"] = self.random.randrange(4)
        elif what == 5:
            out["maxItems"] = self.random.randrange(4)
        else:
            self.array(out, depth)
            self.array(out, depth)

    def object(self, out, depth):
        what = self.random.randrange(10)
        if what <= 2:
            names = self.random.sample(NAMES, self.random.randrange(1, 4))
            out["properties"] = {name: self.subschema(depth) for name in names}
        elif what == 3:
            out["patternProperties"] = {self.pick(PATTERNS): self.subschema(depth)}
        elif what == 4:
            out["additionalProperties"] = self.subschema(depth)
        elif what == 5:
            out["required"] = self.random.sample(NAMES, self.random.randrange(1, 3))
        elif what == 6:
            out["propertyNames"] = self.subschema(min(depth, 1))
        elif what == 7:
            out[self.pick(["minProperties", "maxProperties"])] = self.random.randrange(4)
        elif what == 8:
            out["dependentRequired"] = {self.pick(NAMES): self.random.sample(NAMES, 2)}
        else:
            out["dependentSchemas"] = {self.pick(NAMES): self.subschema(depth)}

    def applicator(self, out, depth):
        what = self.random.randrange(6)
        if what <= 1:
            out[self.pick(["allOf", "anyOf", "oneOf"])] = [self.subschema(depth) for _ in range(self.random.randrange(1, 4))]
        elif what == 2:
            out["not"] = self.subschema(depth)
        elif what == 3:
            out["if"] = self.subschema(depth)
            for word in ("then", "else"):
                if self.chance(0.7):
                    out[word] = self.subschema(depth)
        elif self.defs:
            out["$ref"] = f"#/$defs/d{self.random.randrange(self.defs)}"

    def unevaluated(self, out, depth):
        if self.chance(0.5):
            out[self.pick(["unevaluatedItems", "unevaluatedProperties"])] = self.pick([False, False, self.subschema(depth)])
        else:
            self.applicator(out, depth)
