import { formatPath, type Path } from "../../lab/path";
import { visit } from "../inputs";
import { texts } from "../parameters";
import { type ResourceViolation, resourcePolicy } from "./policy";

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
    check({ name, inputs }, { except = [] }, { secrets }) {
        const found: ResourceViolation[] = [];
        visit(inputs, (value, isSecret, place) => {
            const what = isSecret || typeof value !== "string" ? undefined : whatIs(value, place, secrets);
            if (what !== undefined && !except.includes(`${name}: ${formatPath(place)}`)) {
                found.push({
                    at: `${name}: ${formatPath(place)}`,
                    says: `the value ${what}, and is not marked as a secret`,
                    fix: "make it a secret, and change it: previews and the state have shown it",
                });
            }
        });
        return found;
    },
});

/** What makes a value a secret; nothing for one that is none. */
function whatIs(value: string, place: Path, secrets: ReadonlySet<string>): string | undefined {
    return value === "" ? undefined : (formOf(value) ?? nameOf(place, value) ?? repeated(value, secrets));
}

/** What the forms have in common with few other texts: one look at each of many values is enough. */
const hint =
    /-----BEGIN|LS0tLS1CRUdJTi|\$|password|client-key-data|:\/\/|gh[pousr]_|github_pat_|glpat-|pul-|A[KS]IA|AIza|xox|eyJ/;

function formOf(value: string): string | undefined {
    const found = hint.test(value) ? forms.find(([, form]) => form.test(value)) : undefined;
    return found === undefined ? undefined : `contains ${found[0]}`;
}

function nameOf(place: Path, value: string): string | undefined {
    const key = String(place.findLast((step) => typeof step === "string") ?? "");
    if (isTelling(key)) {
        return `is called ${key}`;
    }
    // Variables of a container are texts with their name in front.
    const variable = value.includes("=") ? /^([A-Za-z_][A-Za-z0-9_]*)=./.exec(value)?.[1] : undefined;
    return variable !== undefined && isTelling(variable) ? `is called ${variable}` : undefined;
}

/** Keys repeat: there are few of them, and many values. */
const known = new Map<string, boolean>();

function isTelling(name: string): boolean {
    const found = known.get(name) ?? (telling.test(name) && !harmless.test(name));
    known.set(name, found);
    return found;
}

function repeated(value: string, secrets: ReadonlySet<string>): string | undefined {
    return secrets.size > 0 && [...secrets].some((secret) => value.includes(secret))
        ? "repeats one that is a secret elsewhere"
        : undefined;
}
