import { familyBits, familyName, lengthOf } from "../address";
import type { BgpSpeaker, Lab, PrefixList, PrefixListEntry } from "../model";
import type { Path } from "../path";
import { allowedFlaw, isIdle } from "./allowed-prefixes";
import { podNeighbors } from "./placed-pods";
import { rule } from "./rule";
import { type PlacedFamily, sessionFamilies } from "./session-families";
import { instances } from "./tables";

const directions = ["prefixListIn", "prefixListOut"] as const;

/** A filter that is named must exist: daemons deny everything where it does not. */
export const prefixListsExist = rule({
    id: "BGP-POL-001",
    severity: "error",
    source: "FRR documentation, neighbor prefix-list",
    *check(lab) {
        for (const { router, who, place, exchanged, list, name } of filters(lab)) {
            if (list === undefined) {
                yield {
                    at: place,
                    says: `${who} filters ${familyName(exchanged.family)} routes by ${name}, but ${router} has no prefix list of this name`,
                    fix: `add the prefix list ${name}, or remove the filter`,
                };
            }
        }
    },
});

/** A prefix list matches routes of its own family only. */
export const prefixListFamilyFits = rule({
    id: "BGP-POL-002",
    severity: "error",
    source: "FRR documentation, ip prefix-list",
    *check(lab) {
        for (const { who, place, exchanged, list } of filters(lab)) {
            if (list !== undefined && list.family !== exchanged.family) {
                yield {
                    at: place,
                    says: `${who} filters ${familyName(exchanged.family)} routes by ${list.name}, which is a list of ${familyName(list.family)} prefixes`,
                    fix: `use a list of ${familyName(exchanged.family)} prefixes`,
                };
            }
        }
    },
});

/** Lengths of an entry go up: prefix, ge, le, bits of an address. Those of what Pods may announce have a rule of their own. */
export const prefixListLengthsGoUp = rule({
    id: "BGP-POL-003",
    severity: "error",
    source: "FRR documentation, ip prefix-list",
    *check(lab) {
        const told = misallowed(lab);
        for (const { place, list, entry } of entries(lab).filter(
            (each) => !told.has(`${each.entry.prefix} ${each.entry.le}`),
        )) {
            const bits = familyBits(list.family);
            const length = lengthOf(entry.prefix);
            const lengths = [length, entry.ge ?? length, entry.le ?? bits, bits];
            if (lengths.some((value, index) => index > 0 && value < lengths[index - 1]!)) {
                yield {
                    at: place,
                    says: `${describe(list, entry)} matches no length`,
                    fix: `keep ${length} ≤ ge ≤ le ≤ ${bits}`,
                };
            }
        }
    },
});

/** A prefix list without a permit passes nothing, so that the family might as well be off. Whoever means it for routes that are offered, denies everything in so many words. */
export const prefixListsPermitSomething = rule({
    id: "BGP-POL-004",
    severity: "error",
    source: "RFC 7454 §6",
    *check(lab) {
        for (const [router, { prefixLists }] of Object.entries(lab.routers)) {
            for (const [index, list] of prefixLists.entries()) {
                const permits = list.entries.some(({ action }) => action === "permit");
                if (!permits && !(deniesEverything(list) && !isImportFilter(lab, router, list))) {
                    yield {
                        at: ["routers", router, "prefixLists", index],
                        says: `${router}'s prefix list ${list.name} permits no ${familyName(list.family)} route`,
                        fix: `permit the ${familyName(list.family)} networks that peers need`,
                    };
                }
            }
        }
    },
});

/** What an external peer sends or is sent should be a decision, in both directions. For Pods it is made at the other end, by the import policy. */
export const externalSessionsHavePolicy = rule({
    id: "BGP-POL-005",
    severity: "warning",
    source: "RFC 8212",
    *check(lab) {
        const open = externalFamilies(lab, ({ ebgpRequiresPolicy }) => !ebgpRequiresPolicy);
        for (const { who, place, exchanged } of open.filter(({ router }) => lab.routers[router]?.pod === undefined)) {
            for (const direction of directions.filter((candidate) => exchanged[candidate] === undefined)) {
                const verb = direction === "prefixListIn" ? "takes every" : "offers every";
                yield {
                    at: [...place, direction],
                    says: `${who} ${verb} ${familyName(exchanged.family)} route: there is no filter`,
                    fix: `filter what is ${direction === "prefixListIn" ? "received: load-balancer addresses, and pod CIDRs if they are announced" : "offered"}`,
                };
            }
        }
    },
});

/** Where policy is required, an external session without it exchanges nothing. */
export const requiredPolicyIsThere = rule({
    id: "BGP-POL-006",
    severity: "error",
    source: "RFC 8212",
    *check(lab) {
        for (const { who, place, exchanged } of externalFamilies(lab, ({ ebgpRequiresPolicy }) => ebgpRequiresPolicy)) {
            for (const direction of directions.filter((candidate) => exchanged[candidate] === undefined)) {
                yield {
                    at: [...place, direction],
                    says: `${who} exchanges no ${familyName(exchanged.family)} route in this direction: policy is required and there is none`,
                    fix: "add a filter, or set ebgpRequiresPolicy to false",
                };
            }
        }
    },
});

/** Entries are told apart by their sequence numbers. */
export const sequencesAreDistinct = rule({
    id: "BGP-POL-007",
    severity: "error",
    source: "FRR documentation, ip prefix-list",
    *check(lab) {
        const seen = new Set<string>();
        for (const { router, place, list, entry } of entries(lab)) {
            const key = JSON.stringify([router, list.name, entry.sequence]);
            if (seen.has(key)) {
                yield {
                    at: [...place, "sequence"],
                    says: `${router}'s prefix list ${list.name} has two entries with sequence ${entry.sequence}`,
                    fix: "give every entry a number of its own",
                };
            }
            seen.add(key);
        }
    },
});

/** An entry that repeats an earlier one is never asked. */
export const entriesAreDistinct = rule({
    id: "BGP-POL-008",
    severity: "warning",
    source: "FRR documentation, ip prefix-list",
    *check(lab) {
        const told = misallowed(lab);
        const seen = new Set<string>();
        for (const { router, place, list, entry } of entries(lab)) {
            const key = JSON.stringify([router, list.name, entry.prefix, entry.ge, entry.le]);
            if (seen.has(key) && !told.has(`${entry.prefix} ${entry.le}`)) {
                yield {
                    at: place,
                    says: `${describe(list, entry)} repeats an earlier entry, which decides`,
                    fix: "remove one of them",
                };
            }
            seen.add(key);
        }
    },
});

/** Prefixes that Pods may announce and of which nothing is taken, which is told of them and not of the lists made of them. */
function misallowed(lab: Lab): ReadonlySet<string> {
    const found = podNeighbors(lab).flatMap(({ neighbor: { importPolicy } }) =>
        importPolicy.allowed.filter((allowed) => isIdle(allowedFlaw(lab, importPolicy, allowed))),
    );
    return new Set(found.map(({ prefix, le }) => `${prefix} ${le}`));
}

/** Whether an entry says that every route is denied: `deny 0.0.0.0/0 le 32`. */
function deniesEverything({ family, entries: all }: PrefixList): boolean {
    return all.some(({ prefix, ge = 0, le }) => lengthOf(prefix) === 0 && ge === 0 && le === familyBits(family));
}

function isImportFilter(lab: Lab, router: string, { name }: PrefixList): boolean {
    return instances(lab)
        .filter((instance) => instance.router === router)
        .flatMap(sessionFamilies)
        .some(({ exchanged }) => exchanged.prefixListIn === name);
}

function describe(list: PrefixList, { prefix, ge, le }: PrefixListEntry): string {
    const range = `${ge === undefined ? "" : ` ge ${ge}`}${le === undefined ? "" : ` le ${le}`}`;
    return `${list.name}: ${prefix}${range}`;
}

interface PlacedEntry {
    readonly router: string;
    readonly place: Path;
    readonly list: PrefixList;
    readonly entry: PrefixListEntry;
}

function entries(lab: Lab): readonly PlacedEntry[] {
    return Object.entries(lab.routers).flatMap(([router, { prefixLists }]) =>
        prefixLists.flatMap((list, index) =>
            list.entries.map((entry, position) => ({
                router,
                place: ["routers", router, "prefixLists", index, "entries", position],
                list,
                entry,
            })),
        ),
    );
}

function externalFamilies(lab: Lab, wanted: (speaker: BgpSpeaker) => boolean): readonly PlacedFamily[] {
    return instances(lab)
        .filter(({ bgp }) => wanted(bgp))
        .flatMap((instance) => sessionFamilies(instance).filter(({ external }) => external));
}

/** Every use of a prefix list, with the list where it exists. */
function filters(
    lab: Lab,
): readonly (PlacedFamily & { readonly name: string; readonly list: PrefixList | undefined })[] {
    return instances(lab).flatMap((instance) =>
        sessionFamilies(instance).flatMap((family) =>
            directions.flatMap((direction) => {
                const name = family.exchanged[direction];
                const list = lab.routers[instance.router]!.prefixLists.find((candidate) => candidate.name === name);
                return name === undefined ? [] : [{ ...family, place: [...family.place, direction], name, list }];
            }),
        ),
    );
}
