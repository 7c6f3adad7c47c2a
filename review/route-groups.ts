/** Routes that change alike, told together. */

import type { Address, Prefix } from "../lab/model";
import type { Review, RouteChange, RouteEffect, RouteFacts } from "./review";
import { count, distinct, grouped, listed } from "./wording";

/** A table in plain text. */
export interface TextTable {
    readonly header: readonly string[];
    readonly rows: readonly (readonly string[])[];
}

/** Networks that change in the same way on some devices. */
export interface RouteGroup {
    readonly effect: RouteEffect;
    /** Devices, with the VRF of a router. */
    readonly places: readonly string[];
    /** Next hops before and after. */
    readonly before: number;
    readonly after: number;
    /** Fewest and most networks of one place. */
    readonly networks: { readonly fewest: number; readonly most: number };
    readonly changes: readonly RouteChange[];
}

/** Routes in groups of the same effect and width, but for those to networks that are themselves gone. */
export function routeGroups(review: Review): readonly RouteGroup[] {
    const gone = goneNetworks(review);
    const others = review.routes.filter(({ effect, prefix }) => effect !== "lost" || !gone.has(prefix));
    return grouped(others, likeness).map(groupOf);
}

/** Networks, and addresses of services, that the lab no longer has: nobody misses a route to them. */
function goneNetworks({ networks, services }: Review): ReadonlySet<Prefix> {
    const addresses = services.flatMap(({ fields }) => fields.filter(({ field }) => field === "addresses"));
    const [was, is] = (["before", "after"] as const).map((side) => [
        ...networks.flatMap((network) => network[side]),
        ...addresses.flatMap((change) => (change[side] ?? "").split(", ").map(hostPrefix)),
    ]);
    return new Set(was!.filter((prefix) => !is!.includes(prefix)));
}

function hostPrefix(address: Address): Prefix {
    return `${address}/${address.includes(":") ? 128 : 32}`;
}

/** How wide a route is matters where that changes. */
function likeness({ effect, before, after }: RouteChange): string {
    return effect === "narrower" || effect === "wider" ? [effect, width(before), width(after)].join(" ") : effect;
}

function groupOf(changes: readonly RouteChange[]): RouteGroup {
    const [{ effect, before, after }] = changes as [RouteChange];
    const byPlace = grouped(changes, placeOf);
    const sizes = byPlace.map((group) => group.length);
    return {
        effect,
        places: byPlace.map(([first]) => placeOf(first!)),
        before: width(before),
        after: width(after),
        networks: { fewest: Math.min(...sizes), most: Math.max(...sizes) },
        changes,
    };
}

/** Number of next hops. */
function width(facts: RouteFacts | undefined): number {
    return facts?.nextHops.length ?? 0;
}

function placeOf({ device, vrf }: RouteChange): string {
    return vrf === undefined ? device : `${device} ${vrf}`;
}

/** How many networks there are on each place, e.g. `8 networks each`. */
export function networksText({ networks: { fewest, most }, places, changes }: RouteGroup): string {
    if (changes.every(({ prefix }) => prefix === changes[0]!.prefix)) {
        return changes[0]!.prefix;
    }
    if (places.length === 1) {
        return count(most, "network");
    }
    return fewest === most ? `${count(most, "network")} each` : `${fewest} to ${most} networks each`;
}

/** How many networks there are on all places together. */
export function differentNetworks({ changes }: RouteGroup): string {
    const prefixes = distinct(changes.map(({ prefix }) => prefix));
    return prefixes.length === 1 ? prefixes[0]! : count(prefixes.length, "network");
}

const harmful: readonly RouteEffect[] = ["lost", "narrower"];

/** The lines of all groups; beside a loss nothing else matters. */
export function routeLines(review: Review): readonly string[] {
    const groups = routeGroups(review);
    const worst = groups.filter(({ effect }) => harmful.includes(effect));
    return (worst.length > 0 ? worst : groups).map((group) => `${listed(group.places)}: ${changeText(group)}`);
}

function changeText(group: RouteGroup): string {
    const networks = networksText(group);
    const prefixes = distinct(group.changes.map(({ prefix }) => prefix));
    const examples = prefixes.length === 1 ? "" : ` (${listed(prefixes, 3)})`;
    switch (group.effect) {
        case "lost":
            return `no route to ${networks} any more${examples}`;
        case "gained":
            return prefixes.length === 1
                ? `a route to ${prefixes[0]!}`
                : `routes to ${prefixes.length} more networks${examples}`;
        case "narrower":
        case "wider":
            return `${group.before} → ${group.after} next hops to ${networks}${examples}`;
        case "moved":
            return `other next hops to ${networks}${examples}`;
        case "path":
            return `another AS path to ${networks}, the same next hops${examples}`;
    }
}

/** Every route that differs; networks whose routes differ in the same way stand together. */
export function routeTable(changes: readonly RouteChange[]): TextTable {
    const alike = grouped(changes, (change) =>
        [placeOf(change), change.effect, factsText(change.before), factsText(change.after)].join("\n"),
    );
    return {
        header: ["device", "networks", "before", "after"],
        rows: alike.map((group) => {
            const [first] = group as [RouteChange];
            const prefixes = group.map(({ prefix }) => prefix).join(", ");
            return [placeOf(first), prefixes, factsText(first.before), factsText(first.after)];
        }),
    };
}

function factsText(facts: RouteFacts | undefined): string {
    if (facts === undefined) {
        return "none";
    }
    const { protocol, nextHops, asPath = [] } = facts;
    const path = asPath.length === 0 ? "" : `, AS path ${asPath.join(" ")}`;
    return `${protocol} ${nextHops.length === 0 ? "blackhole" : nextHops.join(", ")}${path}`;
}
