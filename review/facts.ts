/** What is said of a thing in the model, as text by field, and how two such accounts differ. */

import type { PrefixListEntry } from "../lab/model";
import { selectorText } from "../lab/selectors";
import type { FieldChange } from "./review";

/** The text of one field; a list is compared item by item. */
export type Fact = string | readonly string[];

/** Facts by the name of their field, in the order in which people read them. */
export type Facts = ReadonlyMap<string, Fact>;

export const noFacts: Facts = new Map();

/** A list of more items is not repeated: only what comes and goes is said. */
const mostRepeated = 2;

/** The fields in which two accounts differ. */
export function fieldChanges(before: Facts, after: Facts): readonly FieldChange[] {
    const fields = new Set([...before.keys(), ...after.keys()]);
    return [...fields].flatMap((field) => fieldChange(field, before.get(field), after.get(field)));
}

function fieldChange(field: string, before: Fact | undefined, after: Fact | undefined): readonly FieldChange[] {
    if (JSON.stringify(before) === JSON.stringify(after)) {
        return [];
    }
    const [was, is] = [before, after].map(itemsOf) as [readonly string[], readonly string[]];
    const [gone, come] = [without(was, is), without(is, was)];
    const isLong = Math.max(was.length, is.length) > mostRepeated && gone.length + come.length > 0;
    const items = isLong ? { before: gone, after: come, partial: { partial: true } } : { before: was, after: is };
    return [{ field, ...textOfItems("before", items.before), ...textOfItems("after", items.after), ...items.partial }];
}

function itemsOf(fact: Fact | undefined): readonly string[] {
    return fact === undefined ? [] : typeof fact === "string" ? [fact] : fact;
}

/** Items that the other list has not, counted. */
function without(items: readonly string[], others: readonly string[]): readonly string[] {
    const left = [...others];
    return items.filter((item) => {
        const place = left.indexOf(item);
        if (place >= 0) {
            left.splice(place, 1);
        }
        return place < 0;
    });
}

function textOfItems<K extends string>(name: K, items: readonly string[]): { readonly [key in K]?: string } {
    return (items.length === 0 ? {} : { [name]: items.join(", ") }) as { readonly [key in K]?: string };
}

/** Facts without those that say nothing. */
export function facts(...entries: readonly (readonly [field: string, fact: Fact | undefined])[]): Facts {
    return new Map(entries.filter((entry): entry is [string, Fact] => entry[1] !== undefined && entry[1].length > 0));
}

/** Several accounts of one thing as one. */
export function joined(...accounts: readonly Facts[]): Facts {
    return new Map(accounts.flatMap((account) => [...account]));
}

/** An account whose fields say of what they are, e.g. `hold time of spine0`. */
export function renamed(account: Facts, name: (field: string) => string): Facts {
    return new Map([...account].map(([field, fact]) => [name(field), fact]));
}

/** An account as one list, e.g. `hold time 90 s`. */
export function factTexts(account: Facts): readonly string[] {
    return [...account].map(([field, fact]) => `${field} ${itemsOf(fact).join(", ")}`);
}

/** Names that only hold other values together. */
const transparent: ReadonlySet<string> = new Set(["timers", "settings"]);

/** Units of values by name. */
const units: Readonly<Record<string, string>> = {
    holdTime: " s",
    keepalive: " s",
    connectRetry: " s",
    gracefulRestartTime: " s",
    receiveInterval: " ms",
    transmitInterval: " ms",
};

/**
 * The facts in a plain value, whatever it has: a field by the name of each value, e.g. `BFD detect multiplier`. What the
 * model gets in the future is told without anybody naming it here.
 *
 * @param name what the value is called; leads the names of its fields
 */
export function factsIn(value: object, name = ""): Facts {
    return joined(
        ...Object.entries(value).map(([key, inner]: [string, unknown]): Facts => {
            const field = transparent.has(key) ? name : [name, spelled(key)].filter(Boolean).join(" ");
            const text = factOf(key, inner);
            return text === undefined && isObject(inner) ? factsIn(inner, field) : facts([field, text]);
        }),
    );
}

function isObject(value: unknown): value is object {
    return typeof value === "object" && value !== null;
}

/** The text of a value that has one; nothing for an object whose parts speak for themselves. */
function factOf(key: string, value: unknown): Fact | undefined {
    if (Array.isArray(value)) {
        return value.map((item: unknown) => [factOf(key, item) ?? JSON.stringify(item)].flat().join(", "));
    }
    if (isObject(value)) {
        return key.endsWith("Selector") ? selectorText(value) : undefined;
    }
    return value === undefined ? undefined : `${plain(value)}${units[key] ?? ""}`;
}

function plain(value: unknown): string {
    return typeof value === "boolean" ? (value ? "on" : "off") : String(value);
}

/** Words that people write otherwise than in lower case, or in other words. */
const spellings: Readonly<Record<string, string>> = {
    asn: "AS",
    bfd: "BFD",
    bgp: "BGP",
    cidr: "CIDR",
    cidrs: "CIDRs",
    ebgp: "eBGP",
    hubble: "Hubble",
    ip: "IP",
    ipv4: "IPv4",
    ipv6: "IPv6",
    med: "MED",
    mtu: "MTU",
    nat: "NAT",
    nos: "operating system",
    ui: "UI",
    vrf: "VRF",
};

/** A name of the model in words: `connectRetry` is `connect retry`. */
function spelled(key: string): string {
    const words = key.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).split(" ");
    return words.map((word) => spellings[word] ?? word).join(" ");
}

/** An entry of a prefix list as FRR writes it. */
export function entryText({ sequence, action, prefix, ge, le }: PrefixListEntry): string {
    const range = [ge === undefined ? [] : `ge ${ge}`, le === undefined ? [] : `le ${le}`].flat();
    return [`${sequence} ${action} ${prefix}`, ...range].join(" ");
}
