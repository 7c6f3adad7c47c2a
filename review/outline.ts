/** What a review says, part by part and in short, whatever it is written as. */

import { isError } from "../lab/rules/findings";
import type { DeviceChange, FailureChange, NetworkChange, Review, ServiceChange, SessionChange } from "./review";
import { routeLines, routeTable, type TextTable } from "./route-groups";
import { count, distinct, fieldsText, grouped, listed, sessionNames } from "./wording";

/** One topic of a review. */
export interface Part {
    readonly title: string;
    /** Whether something is lost, down or forbidden; such parts come first. */
    readonly harm: boolean;
    /** What there is to say, alike changes as one line, the most important first. */
    readonly lines: readonly string[];
    /** Every single change, where the lines sum them up. */
    readonly detail?: TextTable;
}

/** The parts that have something to say: first those with harm, each in order of importance. */
export function outline(review: Review): readonly Part[] {
    const parts = [
        rules(review),
        services(review),
        failures(review),
        sessions(review),
        routes(review),
        devices(review),
        networks(review),
        versions(review),
    ].filter(({ lines }) => lines.length > 0);
    return [...parts.filter(({ harm }) => harm), ...parts.filter(({ harm }) => !harm)];
}

function rules({ findings: { fresh, gone } }: Review): Part {
    return {
        title: "Rules",
        harm: fresh.some(isError),
        lines: [
            ...fresh.map(({ id, severity, at, says, fix, source }) => {
                return `${severity} ${id} at ${at}: ${says}. To fix it, ${fix} (${source}).`;
            }),
            ...grouped(gone, ({ severity, id }) => `${severity} ${id}`).map(([first, ...others]) => {
                return `${first!.severity} ${first!.id} is gone${others.length === 0 ? `: ${first!.says}` : ` (${others.length + 1} times)`}`;
            }),
        ],
    };
}

function services({ services: changes }: Review): Part {
    return {
        title: "Services",
        harm: changes.some(({ effect }) => effect === "lost"),
        lines: changes.flatMap(serviceLines),
    };
}

const effects: Readonly<Record<ServiceChange["effect"], string>> = {
    lost: "is no longer reached",
    gone: "goes",
    moved: "changes",
    gained: "is reached now",
    new: "is new",
};

function serviceLines({ effect, name, fields, reach }: ServiceChange): readonly string[] {
    const ways = grouped(reach, ({ to, reason }) => `${to} ${reason}`).map((group) => {
        const [{ to, reason }] = group as [(typeof reach)[number]];
        const from = listed(group.map((pair) => pair.from));
        return `${to} from ${from}${reason === undefined ? "" : ` (${reason})`}`;
    });
    const what = [fieldsText(fields), listed(ways, 5)].filter(Boolean).join("; ");
    return [`${name} ${effects[effect]}${what === "" ? "" : `: ${what}`}`];
}

function failures({ failures: changes }: Review): Part {
    const alike = grouped(changes, ({ effect, pairs, unrest, harmlessBefore }) =>
        JSON.stringify([effect, pairs, unrest, harmlessBefore]),
    );
    return {
        title: "Single faults",
        harm: changes.some(({ effect }) => effect === "worse"),
        lines: alike.map(failureLine),
        ...(changes.length > alike.length || changes.some(({ pairs }) => pairs.length > mostPairs)
            ? { detail: failureTable(changes) }
            : {}),
    };
}

/** More addresses than these are counted. */
const mostPairs = 3;

function failureLine(changes: readonly FailureChange[]): string {
    const { effect, pairs, unrest, harmlessBefore } = changes[0]!;
    const faults = listed(changes.map(({ fault }) => fault));
    if (unrest !== undefined) {
        return `${faults}: routing no longer comes to rest (${unrest})`;
    }
    const addresses = grouped(pairs, ({ to }) => to).map(([first]) => `${first!.to} (${first!.name})`);
    const what =
        addresses.length > mostPairs
            ? `${count(addresses.length, "address", "addresses")}`
            : `${listed(addresses)} from ${listed(distinct(pairs.map(({ from }) => from)))}`;
    if (effect === "better") {
        return `${faults} no longer cuts off ${what}`;
    }
    return `${faults} ${harmlessBefore === true ? "took nothing, and now cuts off" : "now also cuts off"} ${what}`;
}

function failureTable(changes: readonly FailureChange[]): TextTable {
    return {
        header: ["fault", "effect", "address", "of", "asked from"],
        rows: changes.flatMap(({ fault, effect, pairs }) =>
            grouped(pairs, ({ to }) => to).map((group) => [
                fault,
                effect === "worse" ? "cuts off" : "no longer cuts off",
                group[0]!.to,
                group[0]!.name,
                distinct(group.map(({ from }) => from)).join(", "),
            ]),
        ),
    };
}

/** What becomes of a session, in the order in which it matters. */
type SessionFate = "goes down" | "goes" | "changes" | "comes up" | "comes but stays down" | "comes";

/** What becomes of a session. */
export function fateOf({ kind, upBefore, upAfter }: SessionChange): SessionFate {
    if (kind === "removed") {
        return "goes";
    }
    if (kind === "added") {
        return upAfter === false ? "comes but stays down" : "comes";
    }
    if (upBefore === upAfter) {
        return "changes";
    }
    return upAfter === true ? "comes up" : "goes down";
}

const fates: Readonly<Record<SessionFate, { readonly one: string; readonly many: string; readonly harm: boolean }>> = {
    "goes down": { one: "goes down", many: "go down", harm: true },
    "comes but stays down": { one: "comes and stays down", many: "come and stay down", harm: true },
    goes: { one: "goes", many: "go", harm: true },
    "comes up": { one: "comes up", many: "come up", harm: false },
    comes: { one: "comes", many: "come", harm: false },
    changes: { one: "changes", many: "change", harm: false },
};

function sessions({ sessions: changes }: Review): Part {
    const alike = grouped(changes, (change) => JSON.stringify([fateOf(change), change.fields, change.applied]));
    return {
        title: "Sessions",
        harm: changes.some((change) => fates[fateOf(change)].harm || change.applied === "reset"),
        lines: Object.keys(fates).flatMap((fate) =>
            alike.filter(([first]) => fateOf(first!) === fate).map((group) => sessionLine(group)),
        ),
    };
}

function sessionLine(changes: readonly SessionChange[]): string {
    const [first] = changes as [SessionChange];
    const { one, many } = fates[fateOf(first)];
    const names = listed(sessionNames(changes));
    const reasons = distinct(changes.flatMap(({ reason }) => (reason === undefined ? [] : [reason])));
    const why = reasons.length === 0 ? "" : ` (${listed(reasons, 2)})`;
    const what = first.fields.length === 0 ? "" : `: ${fieldsText(first.fields)}${appliedText(first)}`;
    return `${changes.length === 1 ? one : `${changes.length} ${many}`}${why}: ${names}${what}`;
}

function appliedText({ applied }: SessionChange): string {
    switch (applied) {
        case "reset":
            return "; applying it resets the session";
        case "next session":
            return "; holds once the session is cleared, until then the old values stay";
        case undefined:
            return "";
    }
}

function routes(review: Review): Part {
    const { routes: changes } = review;
    return {
        title: "Routes",
        harm: changes.some(({ effect }) => effect === "lost" || effect === "narrower"),
        lines: [
            ...(review.unpredicted === undefined ? [] : [`not compared: ${review.unpredicted}`]),
            ...routeLines(review),
        ],
        ...(changes.length === 0 ? {} : { detail: routeTable(changes) }),
    };
}

function devices({ devices: changes }: Review): Part {
    const alike = grouped(changes, ({ kind, role, fields }) => {
        return JSON.stringify(kind === "changed" ? [kind, fields] : [kind, role]);
    });
    return { title: "Devices", harm: false, lines: alike.map(deviceLine) };
}

function deviceLine(changes: readonly DeviceChange[]): string {
    const [{ kind, role, fields }] = changes as [DeviceChange];
    const names = listed(
        changes.map(({ device }) => device),
        8,
    );
    return kind === "changed"
        ? `${names}: ${fieldsText(fields)}`
        : `${count(changes.length, role)} ${kind === "added" ? "more" : "fewer"}: ${names}`;
}

function networks({ networks: changes }: Review): Part {
    const named = (kind: NetworkChange["kind"]) => changes.filter((change) => change.kind === kind);
    const told = (names: readonly NetworkChange[], what: string) =>
        names.length === 0
            ? []
            : [
                  `${what}: ${listed(
                      names.map(({ name, before, after }) => `${name} ${[...before, ...after].join(", ")}`),
                      8,
                  )}`,
              ];
    return {
        title: "Address plan",
        harm: false,
        lines: [
            ...named("changed").map(({ name, before, after }) => `${name}: ${before.join(", ")} → ${after.join(", ")}`),
            ...told(named("removed"), "goes"),
            ...told(named("added"), "comes"),
        ],
    };
}

function versions({ programs }: Review): Part {
    return { title: "Versions", harm: false, lines: programs.map((change) => fieldsText([change])) };
}
