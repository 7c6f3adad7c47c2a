import { createCipheriv, createDecipheriv, pbkdf2, randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { promisify } from "node:util";
import { EngineError } from "./errors";
import type { Value } from "./values";

/** Encrypts and decrypts with the key of one stack, in the format of the CLI's passphrase provider. */
export interface Crypter {
    /** Salt and check value, as the CLI keeps them: `v1:<salt>:v1:<nonce>:<ciphertext of "pulumi">`. */
    readonly salt: string;
    encrypt(plaintext: string): string;
    /** @throws EngineError if the text was not encrypted with this key */
    decrypt(ciphertext: string): string;
    /** Like encrypt, but a secret that came from the checkpoint unchanged keeps its ciphertext. */
    encryptValue(secret: Value, plaintext: string): string;
    /** Notes the ciphertext that a secret had in the checkpoint. */
    remember(secret: Value, ciphertext: string): void;
}

const iterations = 1_000_000;
const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;
const checkText = "pulumi";

/** The passphrase as PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE give it. */
export function readPassphrase(env: NodeJS.ProcessEnv): string {
    if (env.PULUMI_CONFIG_PASSPHRASE !== undefined) {
        return env.PULUMI_CONFIG_PASSPHRASE;
    }
    const file = env.PULUMI_CONFIG_PASSPHRASE_FILE;
    if (file !== undefined && file !== "") {
        if (!existsSync(file)) {
            throw new EngineError(`unable to read PULUMI_CONFIG_PASSPHRASE_FILE: ${file} does not exist`);
        }
        return readFileSync(file, "utf8").trim();
    }
    throw new EngineError(
        "passphrase must be set with PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE environment variables",
    );
}

/** Derives the key of a passphrase; PBKDF2 with a million rounds takes about 0.16 s, on a thread of its own. */
export async function deriveKey(passphrase: string, salt: Buffer): Promise<Buffer> {
    return promisify(pbkdf2)(passphrase, salt, iterations, keyBytes, "sha256");
}

/** AES-256-GCM: `v1:<nonce>:<ciphertext and tag>`, both base64. */
export function encryptWith(key: Buffer, plaintext: string, nonce: Buffer = randomBytes(nonceBytes)): string {
    const cipher = createCipheriv("aes-256-gcm", key, nonce);
    const ciphertext = Buffer.concat([cipher.update(plaintext, "utf8"), cipher.final(), cipher.getAuthTag()]);
    return `v1:${nonce.toString("base64")}:${ciphertext.toString("base64")}`;
}

/** Reverses {@link encryptWith}. @throws Error if key, nonce or text are wrong */
export function decryptWith(key: Buffer, text: string): string {
    const [version, nonce, sealed] = text.split(":");
    if (version !== "v1" || nonce === undefined || sealed === undefined) {
        throw new Error("unknown version of an encrypted value");
    }
    const bytes = Buffer.from(sealed, "base64");
    const decipher = createDecipheriv("aes-256-gcm", key, Buffer.from(nonce, "base64"));
    decipher.setAuthTag(bytes.subarray(bytes.length - tagBytes));
    return Buffer.concat([decipher.update(bytes.subarray(0, -tagBytes)), decipher.final()]).toString("utf8");
}

function crypterOf(key: Buffer, salt: string): Crypter {
    const known = new WeakMap<object, string>();
    const encrypt = (plaintext: string) => encryptWith(key, plaintext);
    return {
        salt,
        encrypt,
        decrypt: (ciphertext) => decryptWith(key, ciphertext),
        encryptValue: (secret, plaintext) => {
            const ciphertext = known.get(secret as object) ?? encrypt(plaintext);
            known.set(secret as object, ciphertext);
            return ciphertext;
        },
        remember: (secret, ciphertext) => void known.set(secret as object, ciphertext),
    };
}

/** A crypter with a salt of its own. */
export async function newCrypter(passphrase: string): Promise<Crypter> {
    const salt = randomBytes(8);
    const key = await deriveKey(passphrase, salt);
    return crypterOf(key, `v1:${salt.toString("base64")}:${encryptWith(key, checkText)}`);
}

/**
 * The crypter of an existing salt.
 *
 * @throws EngineError if the passphrase is not the one that the salt was made with
 */
export async function openCrypter(passphrase: string, salt: string): Promise<Crypter> {
    const match = /^v1:([^:]*):(.*)$/.exec(salt);
    if (match === null) {
        throw new EngineError("malformed encryption salt: expected v1:<salt>:<check value>");
    }
    const key = await deriveKey(passphrase, Buffer.from(match[1]!, "base64"));
    try {
        if (decryptWith(key, match[2]!) === checkText) {
            return crypterOf(key, salt);
        }
    } catch {
        // Told below: a wrong key shows as a failed authentication.
    }
    throw new EngineError("incorrect passphrase");
}

/** Encrypts nothing: a secret inside a secret is written so, the outer one encrypts it. */
export const nopCrypter: Crypter = {
    salt: "",
    encrypt: (plaintext) => plaintext,
    decrypt: (ciphertext) => ciphertext,
    encryptValue: (_secret, plaintext) => plaintext,
    remember: () => undefined,
};

/** Opens crypters once each, and only when something is to be encrypted or decrypted. */
export interface Keyring {
    /** Crypter of a salt. */
    open(salt: string): Promise<Crypter>;
    /** Crypter with a salt made by this call. */
    create(): Promise<Crypter>;
}

/** A keyring over the passphrase of the environment. */
export function newKeyring(env: NodeJS.ProcessEnv): Keyring {
    const opened = new Map<string, Promise<Crypter>>();
    return {
        async open(salt) {
            const crypter = opened.get(salt) ?? openCrypter(readPassphrase(env), salt);
            opened.set(salt, crypter);
            return crypter;
        },
        async create() {
            const crypter = await newCrypter(readPassphrase(env));
            opened.set(crypter.salt, Promise.resolve(crypter));
            return crypter;
        },
    };
}
