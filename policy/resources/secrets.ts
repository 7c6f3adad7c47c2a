import { formatPath, type Path } from "../../lab/path";
import { leaves } from "../inputs";
import { texts } from "../parameters";
import { resourcePolicy } from "./policy";

/** Fewer characters are in many texts by chance. */
export const shortestSecret = 8;

/** What secrets look like, whatever they are called. */
const forms: readonly (readonly [what: string, form: RegExp])[] = [
    ["a private key", /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----/],
    ["a private key in base64", /\bLS0tLS1CRUdJTi[A-Za-z0-9+/]*(?:UFJJVkFURSBLRV|BSSVZBVEUgS0VZ|QUklWQVRFIEtFW)/],
    ["the hash of a password", /(?:^|[\s"':=])\$(?:1|2[aby]|5|6|7|y|gy|argon2(?:id|i|d))\$[./A-Za-z0-9,=$+-]{8,}/],
    ["the password of a BGP session", /\bneighbor \S+ password \S+/],
    ["a client key of a kubeconfig", /\bclient-key-data:\s*\S/],
    ["a name and a password in a URL", /\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@]+:[^\s:/@]+@/],
    ["a token of GitHub", /\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{40,})/],
    ["a token of GitLab", /\bglpat-[A-Za-z0-9_-]{20,}/],
    ["a token of Pulumi", /\bpul-[0-9a-f]{40}\b/],
    ["a key of AWS", /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/],
    ["a key of Google", /\bAIza[A-Za-z0-9_-]{35}/],
    ["a token of Slack", /\bxox[abeoprs]-[A-Za-z0-9-]{10,}/],
    ["a JSON web token", /\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}/],
];

/** Names of what should be secret, at the end of a key or variable. */
const telling =
    /(?:^|[a-z0-9_.-])(?:passwords?|passwd|passphrase|secret|token|api[_-]?key|private[_-]?key|access[_-]?key|credentials)$/i;

/** Names of what only tells where a secret is, or how it is made. */
const harmless = /(?:^existing|ref$|name$|path$|file$|mount)/i;

/**
 * No secret stands in plain inputs: there it is shown by previews, and not encrypted in the state.
 *
 * Three things are recognised: what has the form of a secret, what has the name of one, and what repeats a value that
 * is a secret elsewhere in the program.
 */
export const secretInputs = resourcePolicy({
    id: "RES-SEC-001",
    name: "secret-inputs",
    description: "Passwords, keys and tokens are secrets of Pulumi, not plain inputs.",
    severity: "critical",
    source: "Pulumi documentation, secrets",
    remediation:
        "Make it a secret: `pulumi config set --secret` and requireSecret, or pulumi.secret(…). Then change it: it has been shown.",
    parameters: {
        except: texts(
            "Inputs that are no secrets, as `<name of the resource>: <place>`, exactly as they are reported.",
        ),
    },
    concerns: () => true,
    *check({ name, inputs }, { except = [] }, { secrets }) {
        for (const { place, value, isSecret } of leaves(inputs)) {
            if (isSecret || typeof value !== "string" || value === "") {
                continue;
            }
            const what = formOf(value) ?? nameOf(place, value) ?? repeated(value, secrets);
            if (what !== undefined && !except.includes(`${name}: ${formatPath(place)}`)) {
                yield {
                    at: `${name}: ${formatPath(place)}`,
                    says: `the value ${what}, and is not marked as a secret`,
                    fix: "make it a secret, and change it: previews and the state have shown it",
                };
            }
        }
    },
});

function formOf(value: string): string | undefined {
    const found = forms.find(([, form]) => form.test(value));
    return found === undefined ? undefined : `contains ${found[0]}`;
}

function nameOf(place: Path, value: string): string | undefined {
    const key = [...place].reverse().find((step) => typeof step === "string") ?? "";
    // Variables of a container are texts with their name in front.
    const variable = /^([A-Za-z_][A-Za-z0-9_]*)=(.+)$/s.exec(value)?.[1];
    const name = [String(key), variable ?? ""].find((each) => telling.test(each) && !harmless.test(each));
    return name === undefined ? undefined : `is called ${name}`;
}

function repeated(value: string, secrets: ReadonlySet<string>): string | undefined {
    return [...secrets].some((secret) => value.includes(secret)) ? "repeats one that is a secret elsewhere" : undefined;
}
