import { createRequire } from "node:module";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const require = createRequire(__filename);

interface Message {
    serializeBinary(): Uint8Array;
    toJavaScript(): unknown;
    getFieldsMap(): { getLength(): number; set(key: string, value: unknown): unknown };
}

interface StructModule {
    readonly Struct: {
        fromJavaScript(value: object): Message;
        deserializeBinary(bytes: Uint8Array): Message;
        new (): Message;
    };
    readonly Value: { fromJavaScript(value: unknown): unknown };
}

/** A copy of its own of a module that keeps state in itself. */
function load(): StructModule {
    const path = require.resolve("google-protobuf/google/protobuf/struct_pb");
    delete require.cache[path];
    return require(path) as StructModule;
}

const plain = load();
const fast = load();
(require("../../scripts/fast-struct.cjs") as { accelerate(module: StructModule): void }).accelerate(fast);

/** Without keys of this name, which the library loses: it assigns them, and so sets the prototype of what it reads. */
const lost = "__proto__";

const values = fc
    .dictionary(
        fc.string({ unit: "binary" }),
        fc.jsonValue({ maxDepth: 5, stringUnit: "grapheme", noUnicodeString: false } as fc.JsonSharedConstraints),
        { maxKeys: 8 },
    )
    .filter((value) => !JSON.stringify(value).includes(`"${lost}":`));

describe("the fast google.protobuf.Struct", () => {
    it("writes what the library reads, and reads what the library writes", () => {
        fc.assert(
            fc.property(values, (value) => {
                const expected = plain.Struct.fromJavaScript(value).toJavaScript();
                const written = fast.Struct.fromJavaScript(value).serializeBinary();
                expect(plain.Struct.deserializeBinary(written).toJavaScript()).toEqual(expected);
                const read = fast.Struct.deserializeBinary(plain.Struct.fromJavaScript(value).serializeBinary());
                expect(read.toJavaScript()).toEqual(expected);
            }),
            { numRuns: 300 },
        );
    });

    it("keeps keys that the library loses", () => {
        const value = JSON.parse(`{"${lost}":{"a":1},"nested":{"${lost}":[2]}}`) as object;
        const read = fast.Struct.deserializeBinary(fast.Struct.fromJavaScript(value).serializeBinary());
        expect(JSON.stringify(read.toJavaScript())).toBe(JSON.stringify(value));
    });

    it("keeps numbers, long texts and lists of many sizes bit by bit", () => {
        const value = {
            numbers: [0, -0, 1.5, -1e300, Number.MAX_SAFE_INTEGER, 5e-324],
            texts: ["", "é", "x".repeat(127), "y".repeat(128), "日本".repeat(20_000)],
            lists: [[], [[]], Array.from({ length: 3_000 }, (_, i) => i)],
            nothing: null,
            no: false,
            "": { "": "" },
        };
        const bytes = fast.Struct.fromJavaScript(value).serializeBinary();
        expect(plain.Struct.deserializeBinary(bytes).toJavaScript()).toStrictEqual(value);
        expect(fast.Struct.deserializeBinary(bytes).toJavaScript()).toStrictEqual(value);
    });

    it("refuses what a Struct cannot hold, like the library", () => {
        const refused = { a: [undefined] };
        expect(() => plain.Struct.fromJavaScript(refused)).toThrow("Unexpected struct type.");
        expect(() => fast.Struct.fromJavaScript(refused).serializeBinary()).toThrow("Unexpected struct type.");
    });

    it("reports bytes that end in the middle of a value", () => {
        const bytes = plain.Struct.fromJavaScript({ key: "some text" }).serializeBinary();
        expect(() => fast.Struct.deserializeBinary(bytes.slice(0, -3))).toThrow();
    });

    it("gives the messages to those who ask for them, and follows their changes", () => {
        const struct = fast.Struct.fromJavaScript({ a: 1 });
        struct.getFieldsMap().set("b", fast.Value.fromJavaScript("two"));
        expect(struct.getFieldsMap().getLength()).toBe(2);
        expect(struct.toJavaScript()).toEqual({ a: 1, b: "two" });
        expect(fast.Struct.deserializeBinary(struct.serializeBinary()).toJavaScript()).toEqual({ a: 1, b: "two" });
        expect(new fast.Struct().toJavaScript()).toEqual({});
    });
});
