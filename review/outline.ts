/** What a review says, part by part and in short, whatever it is written as. */

import type { Finding } from "../lab/rules/findings";
import { type News, newsOf } from "./news";
import type {
    DeviceChange,
    FailureChange,
    FieldChange,
    Interruption,
    NetworkChange,
    Review,
    ServiceChange,
    SessionChange,
} from "./review";
import { routeGroups, routeLines, routeTable, type TextTable } from "./route-groups";
import { appliedText, type Fate, type SessionGroup, sessionGroups, sessionNames } from "./session-groups";
import { count, distinct, fieldsText, grouped, listed, verb } from "./wording";

/** One topic of a review. */
export interface Part {
    readonly title: string;
    /** Whether something is lost, down or forbidden; such parts come first. */
    readonly harm: boolean;
    /** What there is to say, alike changes as one line, the most important first. */
    readonly lines: readonly string[];
    /** Every single change, where the lines sum them up or leave something out. */
    readonly detail?: TextTable;
}

/** The parts that have something to say: first those with harm, each in order of importance; without lines the last. */
export function outline(review: Review): readonly Part[] {
    const news = newsOf(review.findings);
    if (review.kind === "new" || review.kind === "removed") {
        // Everything comes or goes, which needs no list.
        return [newRules(news)].filter(({ lines }) => lines.length > 0);
    }
    const parts = [
        newRules(news),
        services(review),
        failures(review),
        sessions(review),
        routes(review),
        devices(review),
        networks(review),
        programs(review),
        oldRules(news),
    ].filter(({ lines, detail }) => lines.length > 0 || detail !== undefined);
    const rank = ({ harm, lines }: Part) => (harm ? 0 : lines.length > 0 ? 1 : 2);
    return parts.toSorted((a, b) => rank(a) - rank(b));
}

function newRules({ errors, warnings, infos }: News): Part {
    return {
        title: "Rules",
        harm: errors.length > 0,
        lines: [...errors, ...warnings, ...infos].map(
            ({ id, severity, at, says, fix, source }) =>
                `${severity} ${id} at ${at}: ${says}. Fix: ${fix} (${source}).`,
        ),
    };
}

/** Findings that are gone, and those that only name other things or numbers. */
function oldRules({ reworded, gone }: News): Part {
    const rows = [
        ...gone.map((finding) => row("gone", finding)),
        ...reworded.map((finding) => row("as before", finding)),
    ];
    return {
        title: "Known findings",
        harm: false,
        lines: [],
        ...(rows.length === 0 ? {} : { detail: { header: ["", "rule", "says"], rows } }),
    };
}

function row(what: string, { severity, id, says }: Finding): readonly string[] {
    return [what, `${severity} ${id}`, says];
}

function services({ services: changes }: Review): Part {
    const of = (...wanted: readonly ServiceChange["effect"][]) =>
        changes.filter(({ effect }) => wanted.includes(effect));
    return {
        title: "Services and pods",
        harm: of("lost").length > 0,
        lines: [
            ...reachLines(of("lost"), "no longer reached"),
            ...of("lost", "gone", "moved", "gained", "new").flatMap(serviceLines),
            ...reachLines(of("gained"), "reached now"),
        ],
    };
}

/** What happens to a service itself, whoever asks it. */
function serviceLines({ effect, name, fields }: ServiceChange): readonly string[] {
    switch (effect) {
        case "gone":
            return [`${name} goes`];
        case "new":
            return [`${name} comes: ${fields.map(({ field, after = "" }) => `${field} ${after}`).join(", ")}`];
        default:
            return fields.length === 0 ? [] : [`${name}: ${fieldsText(fields)}`];
    }
}

/** Who reaches what no longer, or now; what ends in the same way for the same askers as one line. */
function reachLines(changes: readonly ServiceChange[], what: string): readonly string[] {
    const ends = changes.flatMap(({ name, reach }) =>
        grouped(reach, ({ to }) => to).map((group) => {
            const { to, reason = "" } = group[0]!;
            const from = distinct(group.map((pair) => pair.from));
            return {
                target: `${to} (${name})`,
                from: listed(from),
                reason: reason.replace(/^[a-z-]+: /, "").replaceAll(to, "it"),
            };
        }),
    );
    return grouped(ends, ({ from, reason }) => `${from}\n${reason}`).map((group) => {
        const { from, reason } = group[0]!;
        const targets = listed(
            group.map(({ target }) => target),
            mostAddresses,
        );
        return `${targets} ${verb(group.length, "is", "are")} ${what} from ${from}${reason === "" ? "" : `: ${reason}`}`;
    });
}

function failures({ failures: changes }: Review): Part {
    const alike = grouped(changes.flatMap(bySenders), ({ effect, pairs, unrest, harmlessBefore }) =>
        JSON.stringify([effect, addressesOf(pairs), partialSenders(pairs), unrest, harmlessBefore]),
    );
    const { rows, ...table } = failureTable(changes);
    return {
        title: "Single faults",
        harm: changes.some(({ effect }) => effect === "worse"),
        lines: alike.map(failureLine),
        ...(rows.length > 1 ? { detail: { ...table, rows } } : {}),
    };
}

/** What a fault takes from some only is told apart, by the same senders. */
function bySenders(change: FailureChange): readonly FailureChange[] {
    const sendersTo = (address: string) => partialSenders(change.pairs.filter(({ to }) => to === address)).join(" ");
    return change.pairs.length === 0
        ? [change]
        : grouped(change.pairs, ({ to }) => sendersTo(to)).map((pairs) => ({ ...change, pairs }));
}

/** Who is meant, where the fault takes the same addresses from others before and after. */
function partialSenders(pairs: FailureChange["pairs"]): readonly string[] {
    return distinct(pairs.filter(({ others }) => others === true).map(({ from }) => from));
}

/** More addresses than these are counted. */
const mostAddresses = 3;

function failureLine(changes: readonly FailureChange[]): string {
    const { effect, pairs, unrest, harmlessBefore } = changes[0]!;
    const faults = toldFaults(changes.map(({ fault }) => fault));
    const who = listed(faults, 6);
    if (unrest !== undefined) {
        return `${who}: routing no longer comes to rest (${unrest})`;
    }
    const names = new Map(pairs.map(({ to, name }) => [to, name]));
    const senders = partialSenders(pairs);
    const addresses = listed(
        addressesOf(pairs).map((to) => `${to} (${names.get(to)!})`),
        mostAddresses,
    );
    const cut = senders.length === 0 ? addresses : `${addresses} from ${listed(senders)}`;
    const verbOf = (one: string, many: string) => verb(faults.length, one, many);
    if (effect === "better") {
        return `${who} no longer ${verbOf("cuts", "cut")} off ${cut}`;
    }
    return harmlessBefore === true
        ? `${who} took nothing before and now ${verbOf("cuts", "cut")} off ${cut}`
        : `${who} now also ${verbOf("cuts", "cut")} off ${cut}`;
}

/** Puts numbers in texts in their order; texts that are no addresses do not disturb. */
const inOrder = new Intl.Collator("en", { numeric: true });

function addressesOf(pairs: FailureChange["pairs"]): readonly string[] {
    return distinct(pairs.map(({ to }) => to)).toSorted(inOrder.compare);
}

/** Devices first; a session that fails like the link that it runs over goes without saying. */
function toldFaults(faults: readonly string[]): readonly string[] {
    const kinds = ["node:", "link:", "session:"];
    const rank = (fault: string) => kinds.findIndex((kind) => fault.startsWith(kind));
    return faults
        .filter((fault) => !faults.includes(fault.replace(/^session:/, "link:")) || !fault.startsWith("session:"))
        .toSorted((a, b) => rank(a) - rank(b));
}

/** Who is cut off from what, and by which faults. */
function failureTable(changes: readonly FailureChange[]): TextTable {
    const cuts = changes.flatMap(({ fault, effect, pairs }) =>
        grouped(pairs, ({ to }) => to).map((group) => ({
            fault,
            effect,
            to: group[0]!.to,
            name: group[0]!.name,
            from: distinct(group.map(({ from }) => from)).join(", "),
        })),
    );
    const alike = grouped(cuts, ({ effect, to, from }) => [effect, to, from].join(" "));
    return {
        header: ["address", "of", "asked from", "faults"],
        rows: alike.map((group) => {
            const [{ to, name, from, effect }] = group as [(typeof cuts)[number]];
            const faults = toldFaults(group.map(({ fault }) => fault)).join(", ");
            return [to, name, from, effect === "worse" ? faults : `no longer by ${faults}`];
        }),
    };
}

const verbs: Readonly<Record<Fate, readonly [one: string, many: string]>> = {
    "goes down": ["goes down", "go down"],
    "stays down": ["comes and stays down", "come and stay down"],
    goes: ["goes", "go"],
    "comes up": ["comes up", "come up"],
    comes: ["comes", "come"],
    changes: ["changes", "change"],
};

const harmful: readonly Fate[] = ["goes down", "stays down", "goes"];

function sessions({ sessions: changes, interruption }: Review): Part {
    const groups = sessionGroups(changes);
    return {
        title: "Sessions",
        harm: groups.some(({ fate, applied }) => harmful.includes(fate) || applied === "reset"),
        lines: [...groups.map(sessionLine), ...interruptionLines(interruption)],
        ...(changes.some(({ fields }) => fields.some(({ field }) => field.startsWith("address of ")))
            ? { detail: sessionTable(changes) }
            : {}),
    };
}

/** Who is cut off while sessions are reset. */
function interruptionLines({ lost }: Interruption = { lost: [] }): readonly string[] {
    const targets = distinct(lost.map(({ to, name }) => `${to} (${name})`));
    const from = listed(distinct(lost.map((pair) => pair.from)));
    const are = verb(targets.length, "is", "are");
    return lost.length === 0
        ? []
        : [`while all that are reset are down, ${listed(targets, mostAddresses)} ${are} cut off from ${from}`];
}

function sessionLine(group: SessionGroup): string {
    const { fate, sessions: changes, what } = group;
    const reasons = distinct(changes.flatMap(({ reason }) => (reason === undefined ? [] : [reason])));
    const why = reasons.length === 0 ? "" : ` (${listed(reasons, 2)})`;
    const number = changes.length === 1 ? verbs[fate][0] : `${changes.length} ${verbs[fate][1]}`;
    return `${number}${why}: ${hubsText(sessionNames(changes))}${what === "" ? "" : `: ${what}`}${appliedText(group.applied, changes.length)}`;
}

/** Devices with their peers; of more than two, commas alone would not tell where one's peers end. */
function hubsText(names: readonly string[]): string {
    return names.length > 2 && names.some((name) => name.includes(", ")) ? clauses(names).join("; ") : listed(names);
}

function clauses(names: readonly string[]): readonly string[] {
    return names.length <= 4 ? names : [...names.slice(0, 3), `${names.length - 3} more`];
}

function sessionTable(changes: readonly SessionChange[]): TextTable {
    return {
        header: ["session", "what", "before", "after"],
        rows: changes.flatMap((change) =>
            change.fields.map(({ field, before = "", after = "" }) => [
                sessionNames([change]).join(),
                field,
                before,
                after,
            ]),
        ),
    };
}

function routes(review: Review): Part {
    const { routes: changes } = review;
    return {
        title: "Routes",
        harm:
            review.unpredicted !== undefined ||
            routeGroups(review).some(({ effect }) => effect === "lost" || effect === "narrower"),
        lines: [
            ...(review.unpredicted === undefined ? [] : [`not predicted: ${review.unpredicted}`]),
            ...routeLines(review),
        ],
        ...(changes.length === 0 ? {} : { detail: routeTable(changes) }),
    };
}

/** Fields of which a device has one for each interface. */
const interfaceField = /^interface on /;

/** What differs in the settings of devices, with who has it in common, but for what sessions tell already. */
export function deviceSettings(review: Review): readonly string[] {
    return alikeDevices(
        untold(review).filter(({ kind, fields }) => kind === "changed" && settingsOf({ fields }).length > 0),
    ).map((group) => {
        const names = group.map(({ device }) => device);
        return `${settingsOf(group[0]!).join(", ")} at ${listed(names)}`;
    });
}

function alikeDevices(changes: readonly DeviceChange[]): readonly (readonly DeviceChange[])[] {
    return grouped(changes, ({ kind, role, fields }) => {
        return JSON.stringify(kind === "changed" ? [kind, settingsOf({ fields })] : [kind, role]);
    });
}

function devices(review: Review): Part {
    const changes = untold(review);
    const alike = alikeDevices(changes);
    const rows = changes
        .filter(({ kind }) => kind === "changed")
        .flatMap(({ device, fields }) =>
            fields.map(({ field, before = "", after = "" }) => [device, field, before, after]),
        );
    const hasInterfaces = rows.some(([, field]) => interfaceField.test(field!));
    const told = alike.filter(([first]) => first!.kind !== "changed" || settingsOf(first!).length > 0);
    return {
        title: "Devices",
        harm: false,
        lines: told.map(deviceLine),
        ...(hasInterfaces ? { detail: { header: ["device", "what", "before", "after"], rows } } : {}),
    };
}

/** Changes of devices without those that sessions tell already. */
function untold({ devices: changes, sessions: told }: Review): readonly DeviceChange[] {
    const fields = new Set(told.flatMap((session) => session.fields.map((change) => fieldsText([change]))));
    return changes
        .map((change) => ({
            ...change,
            fields: change.fields.filter(({ field, ...values }) => {
                // A device with several speakers says whose AS it is; a session has but one of them.
                const setting = field.replace(/^AS of .*/, "AS");
                return !fields.has(fieldsText([{ ...values, field: `${setting} of ${change.device}` }]));
            }),
        }))
        .filter(({ kind, fields: left }) => kind !== "changed" || left.length > 0);
}

/** What differs but for interfaces, of which links and sessions tell the most. */
function settingsOf({ fields }: Pick<DeviceChange, "fields">): readonly string[] {
    return fields.filter(({ field }) => !interfaceField.test(field)).map((change) => fieldsText([change]));
}

function deviceLine(changes: readonly DeviceChange[]): string {
    const [{ kind, role, fields }] = changes as [DeviceChange];
    const names = listed(
        changes.map(({ device }) => device),
        8,
    );
    if (kind !== "changed") {
        return `${count(changes.length, role)} ${kind === "added" ? "more" : "fewer"}: ${names}`;
    }
    return `${names}: ${settingsOf({ fields }).join(", ")}`;
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

function programs({ programs: changes }: Review): Part {
    return { title: "Programs", harm: false, lines: changes.map(programLine) };
}

function programLine({ field, before, after, ...rest }: FieldChange): string {
    if (before === undefined) {
        return `${field} comes: ${after}`;
    }
    return after === undefined ? `${field} goes` : fieldsText([{ field, before, after, ...rest }]);
}
