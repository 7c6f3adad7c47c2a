import type { Check } from "./check";

/** Items in a row, or that there are none. */
export function list(items: readonly string[]): string {
    return items.length === 0 ? "none" : items.join(", ");
}

function hostPort(address: string, port: number): string {
    return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** What a check is about, in a few words. */
export function subject(check: Check): string {
    switch (check.kind) {
        case "session":
            return `${check.device} session ${check.neighbor}`;
        case "table":
            return `${check.device} table ${check.family}`;
        case "route":
            return `${check.device} route ${check.prefix}`;
        case "offer":
            return `${check.device} offers ${check.neighbor} ${check.family}`;
        case "service":
            return `${check.from} http ${hostPort(check.address, check.port)}`;
        case "silence":
            return check.probe.kind === "ping"
                ? `${check.from} ping ${check.address}`
                : `${check.from} tcp ${hostPort(check.address, check.probe.port)}`;
    }
}

/** What a check expects, in a few words. */
export function expectation(check: Check): string {
    switch (check.kind) {
        case "session":
            return `Established, AS ${check.remoteAsn}, ${list([...check.families].sort())}`;
        case "table":
            return list([...check.prefixes].sort());
        case "route":
            return list([...check.nextHops].sort());
        case "offer":
            return list([...check.prefixes].sort());
        case "service":
            return `${check.pods.length} pods answer, client ${check.clientAddress}`;
        case "silence":
            return "silence";
    }
}

const order: readonly Check["kind"][] = ["session", "table", "route", "offer", "service", "silence"];

/** Checks in the order in which people read them: from sessions to traffic, each kind as it was. */
export function inReadingOrder(checks: readonly Check[]): readonly Check[] {
    return order.flatMap((kind) => checks.filter((check) => check.kind === kind));
}
