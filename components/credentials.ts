import * as pulumi from "@pulumi/pulumi";
import { RandomPassword } from "@pulumi/random/randomPassword";

/** Characters of a password: 24 of 62 are more than 140 bits, which no number of rounds could add to. */
const passwordLength = 24;

/** Characters of the salt, the most that the method takes (crypt(5)). */
const saltLength = 16;

/** Arguments of a login. */
export interface LoginArgs {
    /** Name of the user. */
    readonly user: string;
}

/**
 * A user with a password that nobody chose. Password and hash are secret: Pulumi encrypts them in the state and shows them
 * only to those who ask for secrets. Both stay the same from one `up` to the next, because the salt is a resource, too.
 */
export class Login extends pulumi.ComponentResource {
    readonly user: string;
    /** The password itself. */
    readonly password: pulumi.Output<string>;
    /** Its hash as /etc/shadow has it. */
    readonly encryptedPassword: pulumi.Output<string>;

    constructor(name: string, { user }: LoginArgs, opts?: pulumi.ComponentResourceOptions) {
        super("bgplab:index:Login", name, { user }, opts);
        const random = { special: false };
        const password = new RandomPassword(name, { ...random, length: passwordLength }, { parent: this });
        // As a password, because a RandomString has its text as its id, which is no secret.
        const salt = new RandomPassword(`${name}-salt`, { ...random, length: saltLength }, { parent: this });
        this.user = user;
        this.password = pulumi.secret(password.result);
        this.encryptedPassword = pulumi.secret(
            pulumi.all([password.result, salt.result]).apply(([text, chosen]) => sha512crypt(text, chosen)),
        );
        this.registerOutputs({ user });
    }
}

/**
 * The hash of a password for /etc/shadow (SHA-512 in 5000 rounds, crypt(5)).
 *
 * @param salt 1 to 16 letters, digits, dots or slashes
 */
export async function sha512crypt(password: string, salt: string): Promise<string> {
    // The package is a module of its own kind, which a program loads only like this; and few labs need it.
    const { encrypt } = await import("unixcrypt");
    return encrypt(password, `$6$${salt}`);
}
