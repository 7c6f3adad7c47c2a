/** Kinds of values that people write into a stack's configuration. Errors say what is wrong and what to write instead. */

import { z } from "zod";
import { AddressError, familyOf, isRange, parseAddress, parsePrefix, parseRange } from "../lab/address";
import { AsnError, parseAsn } from "../lab/asn";
import type { Address, AddressRange, Asn, Prefix } from "../lab/model";
import { currentVersions } from "../lab/versions";
import { closest } from "./suggest";

/** A value is not what its parameter takes. */
class ValueError extends Error {
    constructor(
        readonly says: string,
        readonly fix: string,
    ) {
        super(`${says}; ${fix}`);
    }
}

/** A value as a person would quote it in a message. */
function quoted(input: unknown): string {
    return JSON.stringify(input) ?? "nothing";
}

/** A value that `read` understands; what it throws becomes the issue, with its fix in `params`. */
function readable<T>(read: (input: unknown) => T) {
    return z.unknown().transform((input, context): T => {
        try {
            return read(input);
        } catch (error) {
            if (error instanceof ValueError || error instanceof AddressError || error instanceof AsnError) {
                context.addIssue({ code: "custom", message: error.says, params: { fix: error.fix } });
                return z.NEVER;
            }
            throw error;
        }
    });
}

function textOf(input: unknown, what: string, example: string): string {
    if (typeof input !== "string") {
        throw new ValueError(`${quoted(input)} is not ${what}`, `write text such as "${example}"`);
    }
    return input;
}

/** An AS number as asplain, `AS65000` or asdot text. */
export const asn = readable((input): Asn => parseAsn(input));

/** A canonical address of either family. */
export const address = readable((input): Address => {
    const text = textOf(input, "an address", "10.254.0.10");
    parseAddress(text);
    return text;
});

/** A canonical IPv4 address. */
export const ipv4Address = readable((input): Address => {
    const text = textOf(input, "an IPv4 address", "10.0.0.0");
    if (parseAddress(text).family !== "ipv4") {
        throw new ValueError(`"${text}" is an IPv6 address`, "write an IPv4 address such as 10.0.0.0");
    }
    return text;
});

/** A canonical network of either family. */
export const prefix = readable(readPrefix);

/** A canonical IPv4 network. */
export const ipv4Prefix = readable((input): Prefix => {
    const read = readPrefix(input);
    if (familyOf(read) !== "ipv4") {
        throw new ValueError(`"${read}" is an IPv6 network`, "write an IPv4 network such as 10.100.0.0/16");
    }
    return read;
});

/** A canonical network, or the addresses from one to another. */
export const addressBlock = readable((input): Prefix | AddressRange => {
    if (typeof input !== "string" || !isRange(input)) {
        return readPrefix(input);
    }
    parseRange(input);
    return input;
});

function readPrefix(input: unknown): Prefix {
    const text = textOf(input, "a network", "10.100.0.0/16");
    if (!/^[0-9.]+(\/\d*)?$|^[0-9a-fA-F:.]+(\/\d*)?$/.test(text) || /^\d+(\.\d+){0,2}(\/|$)/.test(text)) {
        throw new ValueError(`"${text}" is not a network`, "write it in CIDR notation, such as 10.100.0.0/16");
    }
    parsePrefix(text);
    return text;
}

/** Two networks, one of each family, in the order that the cluster prefers. */
export const dualStack = z.array(prefix).superRefine((prefixes, context) => {
    if (prefixes.length !== 2 || familyOf(prefixes[0]!) === familyOf(prefixes[1]!)) {
        context.addIssue({
            code: "custom",
            message: `the list has ${prefixes.length === 0 ? "no networks" : prefixes.join(" and ")}, but this lab is dual stack`,
            params: { fix: "list exactly one IPv4 and one IPv6 network" },
        });
    }
});

/** Two addresses, one of each family. */
export const dualStackAddresses = z.array(address).superRefine((addresses, context) => {
    if (addresses.length !== 2 || familyOf(addresses[0]!) === familyOf(addresses[1]!)) {
        context.addIssue({
            code: "custom",
            message: `the list has ${addresses.length === 0 ? "no addresses" : addresses.join(" and ")}, but this lab is dual stack`,
            params: { fix: "list exactly one IPv4 and one IPv6 address" },
        });
    }
});

/** A whole number in a range. */
export function wholeNumber(least: number, most: number) {
    return readable((input): number => {
        if (typeof input !== "number" || !Number.isInteger(input) || input < least || input > most) {
            const meant = typeof input === "string" && /^\d+$/.test(input) ? ", without quotes" : "";
            throw new ValueError(
                `${quoted(input)} is not a whole number from ${least} to ${most}`,
                `write a number from ${least} to ${most}${meant}`,
            );
        }
        return input;
    });
}

/** A duration in whole seconds, as the 16-bit fields of BGP carry it. */
export const seconds = wholeNumber(0, 65535);

/** True or false. */
export const flag = readable((input): boolean => {
    if (typeof input !== "boolean") {
        throw new ValueError(`${quoted(input)} is neither true nor false`, "write true or false, without quotes");
    }
    return input;
});

/** One of a few words. */
export function choice<const T extends string>(...words: readonly T[]) {
    return readable((input): T => {
        const word = words.find((candidate) => candidate === input);
        if (word === undefined) {
            const meant = typeof input === "string" ? closest(input, words) : undefined;
            throw new ValueError(
                `${quoted(input)} is not one of ${words.join(", ")}`,
                meant === undefined ? `write ${words.join(" or ")}` : `write ${meant}`,
            );
        }
        return word;
    });
}

/** A DNS label (RFC 1123): lower-case letters, digits and `-`. Kubernetes names are such labels. */
export function dnsLabel(longest = 63) {
    return readable((input): string => {
        const text = textOf(input, "a name", "app-svc");
        if (!/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(text) || text.length > longest) {
            throw new ValueError(
                `${quoted(input)} is not a DNS label (RFC 1123) of at most ${longest} characters`,
                "use lower-case letters, digits and '-', with a letter or digit at both ends",
            );
        }
        return text;
    });
}

/** Text that is not empty; `what` says what it is, for messages. */
export function text(what: string, example: string) {
    return readable((input): string => {
        const given = textOf(input, what, example);
        if (given.trim() === "" || given !== given.trim()) {
            throw new ValueError(`${quoted(given)} is not ${what}`, `write text such as "${example}"`);
        }
        return given;
    });
}

/** A URL with one of a few schemes. */
export function url(...schemes: readonly string[]) {
    const example = `${schemes.at(-1)}://charts.example.org`;
    return readable((input): string => {
        const given = textOf(input, "a URL", example);
        const scheme = URL.canParse(given) ? new URL(given).protocol.replace(/:$/, "") : undefined;
        if (scheme === undefined || !schemes.includes(scheme)) {
            throw new ValueError(
                `${quoted(given)} is not a URL`,
                `write ${schemes.map((one) => `${one}://…`).join(" or ")}`,
            );
        }
        return given;
    });
}

const imageName =
    /^(?:[a-zA-Z0-9][a-zA-Z0-9.-]*(?::\d+)?\/)?[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*$/;
const imageVersion = /(?::[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(?:@sha256:[0-9a-f]{64})?$/;

/**
 * The reference of a container image (distribution specification, §2.1 and §2.2), with a tag or a digest: without one it
 * would mean whatever `latest` is on the day.
 */
export const imageReference = readable((input): string => {
    const example = "quay.io/frrouting/frr:10.5.3";
    const given = textOf(input, "an image", example);
    const version = imageVersion.exec(given)?.[0] ?? "";
    if (!imageName.test(given.slice(0, given.length - version.length))) {
        throw new ValueError(
            `${quoted(given)} is not the reference of an image`,
            `write it like "${example}": lower-case letters, a tag, or a digest of 64 hexadecimal digits`,
        );
    }
    if (version === "") {
        throw new ValueError(`the image ${given} has neither a tag nor a digest`, `add one, such as ${given}:1.0.0`);
    }
    return given;
});

/** A version of three numbers; quotes are needed, because YAML reads 1.20 as the number 1.2. */
export const version = readable((input): string => {
    if (typeof input !== "string" || !/^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$/.test(input)) {
        throw new ValueError(`${quoted(input)} is not a version`, 'write three numbers in quotes, such as "1.20.2"');
    }
    return input;
});

const labelText = /^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/;
const labelKey = /^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;

/** The value of a Kubernetes label. */
const labelValue = readable((input): string => {
    if (typeof input !== "string" || !labelText.test(input)) {
        throw new ValueError(
            `${quoted(input)} is not a label value`,
            "use at most 63 letters, digits, '-', '_' and '.', in quotes if YAML would read a number or true",
        );
    }
    return input;
});

/** The key of a Kubernetes label, with an optional DNS prefix. */
const labelName = readable((input): string => {
    if (typeof input !== "string" || !labelKey.test(input)) {
        throw new ValueError(
            `${quoted(input)} is not a label key`,
            "use at most 63 letters, digits, '-', '_' and '.', after an optional DNS name and '/'",
        );
    }
    return input;
});

/** Kubernetes labels. */
export const labels = z.record(z.string(), labelValue).superRefine((record, context) => {
    for (const key of Object.keys(record).filter((candidate) => !labelKey.test(candidate))) {
        context.addIssue({
            code: "custom",
            message: `${quoted(key)} is not a label key`,
            params: { fix: "use at most 63 letters, digits, '-', '_' and '.', after an optional DNS name and '/'" },
        });
    }
});

/** A label selector as Kubernetes writes it. */
export const labelSelector = z.strictObject({
    matchLabels: labels.optional().describe("Labels that must all be there, with these values."),
    matchExpressions: z
        .array(
            z
                .strictObject({
                    key: labelName.describe("Key of the label."),
                    operator: choice("In", "NotIn", "Exists", "DoesNotExist").describe("How the label is compared."),
                    values: z.array(labelValue).optional().describe("Values for In and NotIn."),
                })
                .superRefine(({ operator, values = [] }, context) => {
                    const needsValues = operator === "In" || operator === "NotIn";
                    if (needsValues !== values.length > 0) {
                        context.addIssue({
                            code: "custom",
                            message: `the operator ${operator} ${needsValues ? "needs values" : "takes no values"}`,
                            params: { fix: needsValues ? "list at least one value" : "remove values" },
                        });
                    }
                }),
        )
        .optional()
        .describe("Requirements that must all hold."),
});

/** Timers of a BGP session. */
export function timers(defaults: {
    readonly holdTime: number;
    readonly keepalive: number;
    readonly connectRetry: number;
}) {
    return z
        .strictObject({
            holdTime: seconds
                .default(defaults.holdTime)
                .describe("Seconds before a silent peer is declared dead; 0 disables it."),
            keepalive: seconds.default(defaults.keepalive).describe("Seconds between keepalives."),
            connectRetry: seconds.default(defaults.connectRetry).describe("Seconds between attempts to connect."),
        })
        .default(defaults);
}

/** What a router takes from a node before it closes the session; anything when it is left out. */
export const maximumPrefixes = wholeNumber(1, 4294967295)
    .optional()
    .describe(
        "Prefixes of a family that a router accepts from a node; with more it closes the session. No limit when left out.",
    );

/** Bidirectional forwarding detection of a session between routers; off when it is left out. */
export const bfd = z.strictObject({
    detectMultiplier: wholeNumber(2, 255).default(3).describe("Packets that may be missed in a row."),
    receiveInterval: wholeNumber(10, 60000)
        .default(300)
        .describe("Milliseconds between packets that a router wants to receive."),
    transmitInterval: wholeNumber(10, 60000)
        .default(300)
        .describe("Milliseconds between packets that a router wants to send."),
});

/** Name of the kind cluster; in Docker it must differ from those of other stacks. */
export function clusterNameOf(topology: string, cluster: string) {
    return dnsLabel(32)
        .default(cluster)
        .describe("Name of the kind cluster; node names start with it.")
        .meta({
            fallback: `\`"${cluster}"\`; in Docker with \`-<stack>\` behind it unless the stack is \`${topology}\``,
        });
}

/** Which set of versions a stack starts from. */
export const versionChoice = choice("current", "article")
    .default("current")
    .describe("Versions and images that are not set one by one: recent ones, or those of the article.");

/** Version of Kubernetes, unless it is that of the set. */
export const kubernetesVersion = version
    .optional()
    .describe("Kubernetes version of the kind nodes.")
    .meta({ fallback: fallbackVersion("kubernetes") });

/** Version of Cilium, unless it is that of the set. */
export const ciliumVersion = version
    .optional()
    .describe("Cilium version; decides which custom resources are written.")
    .meta({ fallback: fallbackVersion("cilium") });

/** Version of MetalLB, unless it is that of the set. */
export const metallbVersion = version
    .optional()
    .describe("MetalLB version; decides which custom resources are written.")
    .meta({ fallback: fallbackVersion("metallb") });

/** Version of Calico, unless it is that of the set. */
export const calicoVersion = version
    .optional()
    .describe("Calico version; decides which custom resources are written.")
    .meta({ fallback: fallbackVersion("calico") });

/** A Service of type LoadBalancer in a lab with IPv4 only. */
export const ipv4Service = z.strictObject({
    name: dnsLabel().describe("Name of the Service."),
    externalTrafficPolicy: choice("Cluster", "Local")
        .default("Cluster")
        .describe("Cluster: every node announces and answers; Local: only nodes with a pod, which sees the client."),
    port: wholeNumber(1, 65535).default(80).describe("TCP port of the service."),
    addresses: z.array(ipv4Address).describe("Pinned load-balancer address."),
    labels: labels.default({}).describe("Labels of the Service, for selectors."),
});

function fallbackVersion(of: "kubernetes" | "cilium" | "metallb" | "calico"): string {
    return `\`"${currentVersions[of]}"\`, or that of \`versions\``;
}

/** A pool of load-balancer addresses. */
export const pool = z.strictObject({
    name: dnsLabel().describe("Name of the pool."),
    blocks: z.array(addressBlock).describe("Networks, or ranges `first-last`, whose addresses the pool gives out."),
    serviceSelector: labelSelector.optional().describe("Services the pool serves; all when left out."),
});

/** Which nodes announce a service, and whose address its pods see. */
export const trafficPolicy = choice("Cluster", "Local")
    .default("Cluster")
    .describe("Cluster: every node announces and answers; Local: only nodes with a pod, which sees the client.");
