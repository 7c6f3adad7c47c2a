import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decryptWith, deriveKey, encryptWith, newCrypter, newKeyring, openCrypter } from "../../engine/secrets";
import { deserializeValue, serializeValue } from "../../engine/state";
import { isSecret, makeSecret, type Value } from "../../engine/values";

// Written by the published CLI 3.259.0 (`pulumi config set --secret`), passphrase "correct horse".
const salt = "v1:PN1KhX39KwY=:v1:iFTA+6Nc2Fcgf0wk:OThA+sc/a4UGJDvxRzSsg3CSkDjg1w==";
const ciphertext = "v1:CLBTI+j+cUAR/9Us:7d/taNqcazS3TN68XOkWOgc2Nc70UPkHJny1VP4U";

describe("secrets", () => {
    it("decrypts what the published CLI encrypted", async () => {
        const crypter = await openCrypter("correct horse", salt);
        expect(crypter.decrypt(ciphertext)).toBe('hush: "ü" <&>');
    });

    it("encrypts, for a given nonce, to the very bytes that the CLI wrote", async () => {
        const key = await deriveKey("correct horse", Buffer.from("PN1KhX39KwY=", "base64"));
        expect(encryptWith(key, 'hush: "ü" <&>', Buffer.from("CLBTI+j+cUAR/9Us", "base64"))).toBe(ciphertext);
    });

    it("refuses a wrong passphrase instead of decrypting to nonsense", async () => {
        await expect(openCrypter("wrong horse", salt)).rejects.toThrow("incorrect passphrase");
    });

    it("refuses a ciphertext of which one bit was changed", async () => {
        const crypter = await newCrypter("p");
        const [version, nonce, sealed] = crypter.encrypt("text").split(":") as [string, string, string];
        const bytes = Buffer.from(sealed, "base64");
        bytes[0]! ^= 1;
        expect(() => crypter.decrypt([version, nonce, bytes.toString("base64")].join(":"))).toThrow();
    });

    it("names both variables if no passphrase is set", async () => {
        await expect(newKeyring({}).open(salt)).rejects.toThrow(
            "passphrase must be set with PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE",
        );
    });

    it("never encrypts two texts with the same nonce", async () => {
        const key = await deriveKey("p", Buffer.alloc(8));
        const nonces = new Set(Array.from({ length: 1000 }, () => encryptWith(key, "x").split(":")[1]));
        expect(nonces.size).toBe(1000);
    });

    it("reads back any value it wrote, secrets at any depth included", async () => {
        const crypter = await newCrypter("p");
        const leaf = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null));
        const { tree } = fc.letrec<{ tree: Value }>((tie) => ({
            tree: fc.oneof(
                { depthSize: "small" },
                leaf as fc.Arbitrary<Value>,
                fc.array(tie("tree"), { maxLength: 3 }) as fc.Arbitrary<Value>,
                fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), tie("tree"), { maxKeys: 3 }) as fc.Arbitrary<Value>,
                tie("tree").map((inner) => (isSecret(inner) ? inner : makeSecret(inner))),
            ),
        }));
        fc.assert(
            fc.property(tree, (value) => {
                const text = JSON.stringify(serializeValue(value, crypter));
                expect(deserializeValue(JSON.parse(text), crypter)).toEqual(value);
            }),
        );
    });

    it("leaves no plaintext of a secret in what it writes", async () => {
        const crypter = await newCrypter("p");
        const text = JSON.stringify(serializeValue({ a: [makeSecret({ b: "hush-hush" })] }, crypter));
        expect(text).not.toContain("hush-hush");
        expect(text).toContain("ciphertext");
    });

    it("keeps the ciphertext of a secret that came from the checkpoint unchanged", async () => {
        const crypter = await newCrypter("p");
        const written = serializeValue(makeSecret("x"), crypter);
        expect(serializeValue(deserializeValue(written, crypter), crypter)).toEqual(written);
    });

    it("round-trips through its own cipher", async () => {
        const key = await deriveKey("p", Buffer.alloc(8));
        fc.assert(
            fc.property(fc.string({ unit: "binary" }), (text) => decryptWith(key, encryptWith(key, text)) === text),
        );
    });
});
