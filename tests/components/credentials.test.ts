import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sha512crypt } from "../../components/credentials";

/** OpenSSL's own hash; the password goes in by standard input. */
function openssl(password: string, salt: string): string {
    return execFileSync("openssl", ["passwd", "-6", "-salt", salt, "-stdin"], {
        input: password,
        encoding: "utf8",
    }).trim();
}

describe("the hash of a password", () => {
    it("is what openssl passwd -6 says, for any password and salt", async () => {
        const password = fc.stringMatching(/^[!-~]{1,32}$/);
        const salt = fc.stringMatching(/^[A-Za-z0-9./]{1,16}$/);
        await fc.assert(
            fc.asyncProperty(password, salt, async (text, chosen) => {
                expect(await sha512crypt(text, chosen)).toBe(openssl(text, chosen));
            }),
            { numRuns: 25 },
        );
    });
});
