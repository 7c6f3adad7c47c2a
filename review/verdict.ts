/** A review in one line, as a network engineer would say it. */

import { isError } from "../lab/rules/findings";
import { fateOf } from "./outline";
import type { FailureChange, Review, SessionChange } from "./review";
import { networksText, type RouteGroup, routeGroups } from "./route-groups";
import { count, distinct, grouped, listed, sessionNames, verb } from "./wording";

/** More clauses than these do not fit a line; what is left out stands in the parts. */
const mostClauses = 5;

/** What the change does, the worst first; one sentence without its full stop. */
export function verdict(review: Review): string {
    const clauses = clausesOf(review);
    return clauses.slice(0, mostClauses).join("; ");
}

function clausesOf(review: Review): readonly string[] {
    switch (review.kind) {
        case "unchanged":
            return ["nothing changes"];
        case "removed":
            return ["the stack goes"];
        case "new":
            return ["the stack is new", ...forbidden(review)];
        default:
            return all(review);
    }
}

function all(review: Review): readonly string[] {
    const clauses = [
        forbidden(review),
        review.kind === "repaired" ? ["no error forbids the lab any more"] : [],
        cutOff(review),
        departures(review),
        sessionsLost(review),
        widths(review, "lost", "narrower"),
        singlePoints(review),
        resets(review),
        arrivals(review),
        widths(review, "gained", "wider", "moved", "path"),
        review.networks.some(({ kind }) => kind === "changed") ? [renumbered(review)] : [],
        warnings(review),
    ].flat();
    return clauses.length > 0 ? clauses : rest(review);
}

function forbidden({ findings: { fresh }, kind }: Review): readonly string[] {
    const errors = fresh.filter(isError);
    const [first, ...others] = errors;
    if (first === undefined) {
        return [];
    }
    const more = others.length === 0 ? "" : ` (and ${count(others.length, "more error")})`;
    return [`${kind === "refused" ? "refused: " : ""}${first.says}${more}`];
}

function warnings({ findings: { fresh } }: Review): readonly string[] {
    const found = fresh.filter((finding) => !isError(finding));
    return found.length === 0 ? [] : [`${count(found.length, "new warning")}`];
}

/** Who no longer reaches what while everything works. */
function cutOff({ services }: Review): readonly string[] {
    const lost = services.filter(({ effect }) => effect === "lost");
    if (lost.length === 0) {
        return [];
    }
    const from = distinct(lost.flatMap(({ reach }) => reach.map((pair) => pair.from)));
    return [
        `${listed(from, 3)} no longer ${verb(from.length, "reaches", "reach")} ${listed(
            lost.map(({ name }) => name),
            3,
        )}`,
    ];
}

/** Devices that go, with what goes with them. */
function departures({ devices, sessions }: Review): readonly string[] {
    const gone = devices.filter(({ kind }) => kind === "removed").map(({ device }) => device);
    const ended = sessions.filter(({ kind, ...ends }) => kind === "removed" && touches(ends, gone));
    const withIt =
        ended.length === 0 ? "" : `, and with ${verb(gone.length, "it", "them")} ${count(ended.length, "session")}`;
    return gone.length === 0 ? [] : [`${listed(gone)} ${verb(gone.length, "goes", "go")}${withIt}`];
}

function arrivals({ devices, sessions, services }: Review): readonly string[] {
    const come = devices.filter(({ kind }) => kind === "added").map(({ device }) => device);
    const fresh = sessions.filter((change) => fateOf(change) === "comes");
    const own = fresh.filter((ends) => touches(ends, come));
    const withIt = own.length === 0 ? "" : ` with ${count(own.length, "session")}`;
    const others = fresh.length - own.length;
    const up = sessions.filter((change) => fateOf(change) === "comes up").length;
    const asked = services.filter(({ effect }) => effect === "new" || effect === "gained").map(({ name }) => name);
    return [
        ...(come.length === 0 ? [] : [`${listed(come)} ${verb(come.length, "comes", "come")}${withIt}`]),
        ...(others === 0 ? [] : [`${count(others, "session")} ${verb(others, "comes", "come")}`]),
        ...(up === 0 ? [] : [`${count(up, "session")} ${verb(up, "comes", "come")} up`]),
        ...(asked.length === 0 ? [] : [`${listed(asked)} ${verb(asked.length, "is", "are")} reached now`]),
    ];
}

function touches({ local, remote }: Pick<SessionChange, "local" | "remote">, devices: readonly string[]): boolean {
    return devices.includes(local.device) || devices.includes(remote.device);
}

/** Sessions that go without a device, go down, or never come up. */
function sessionsLost({ sessions, devices }: Review): readonly string[] {
    const gone = devices.filter(({ kind }) => kind === "removed").map(({ device }) => device);
    const of = (fate: ReturnType<typeof fateOf>) =>
        sessions.filter((change) => fateOf(change) === fate && !(fate === "goes" && touches(change, gone)));
    return [
        sessionClause(of("goes down"), "goes down", "go down"),
        sessionClause(of("comes but stays down"), "does not come up", "do not come up"),
        sessionClause(of("goes"), "goes", "go"),
    ].flat();
}

function sessionClause(sessions: readonly SessionChange[], one: string, many: string): readonly string[] {
    if (sessions.length === 0) {
        return [];
    }
    const names = sessionNames(sessions);
    const who = names.length === 1 && sessions.length < 4 ? names[0]! : count(sessions.length, "session");
    return [`${who} ${verb(sessions.length, one, many)}`];
}

function resets({ sessions }: Review): readonly string[] {
    const of = (applied: SessionChange["applied"]) => sessions.filter((change) => change.applied === applied);
    const [reset, later] = [of("reset"), of("next session")];
    return [
        ...(reset.length === 0 ? [] : [`${count(reset.length, "session")} ${verb(reset.length, "is", "are")} reset`]),
        ...(later.length === 0
            ? []
            : [`${count(later.length, "session")} ${verb(later.length, "has", "have")} the new values once cleared`]),
    ];
}

function singlePoints({ failures }: Review): readonly string[] {
    const worse = failures.filter(({ effect }) => effect === "worse");
    const points = worse.filter(({ harmlessBefore, fault }) => harmlessBefore === true && fault.startsWith("node:"));
    const restless = worse.filter(({ unrest }) => unrest !== undefined);
    if (points.length > 0) {
        const names = points.map(({ fault }) => fault.slice("node:".length));
        const what = verb(names.length, "a single point of failure", "single points of failure");
        return [`${listed(names)} ${verb(names.length, "becomes", "become")} ${what}`, ...unrestClause(restless)];
    }
    const clause =
        worse.length === 0
            ? []
            : [`${count(worse.length, "single fault")} ${verb(worse.length, "takes", "take")} more`];
    return [...clause, ...unrestClause(restless)];
}

function unrestClause(restless: readonly FailureChange[]): readonly string[] {
    const faults = restless.map(({ fault }) => fault);
    return faults.length === 0 ? [] : [`routing no longer comes to rest under ${listed(faults, 2)}`];
}

function widths(review: Review, ...effects: readonly RouteGroup["effect"][]): readonly string[] {
    const groups = routeGroups(review);
    return effects.flatMap((effect) => groups.filter((group) => group.effect === effect).map(widthClause));
}

function widthClause(group: RouteGroup): string {
    const { effect, places, before, after } = group;
    const networks = networksText(group);
    const who = listed(places, 3);
    switch (effect) {
        case "lost":
            return `${who} ${verb(places.length, "loses", "lose")} ${networks}`;
        case "narrower":
            return before - after === 1
                ? `${who} ${verb(places.length, "loses", "lose")} one of ${spelled(before)} equal paths to ${networks}`
                : `${who} ${verb(places.length, "goes", "go")} from ${before} to ${after} equal paths to ${networks}`;
        case "wider":
            return `${who} ${verb(places.length, "goes", "go")} from ${before} to ${after} equal paths to ${networks}`;
        case "gained":
            return `${who} ${verb(places.length, "learns", "learn")} ${networks}`;
        case "moved":
            return `${who} ${verb(places.length, "sends", "send")} to ${networks} by other next hops`;
        case "path":
            return `AS paths of ${networks} change on ${who}`;
    }
}

function spelled(number: number): string {
    return ["no", "one", "two", "three", "four"][number] ?? String(number);
}

function renumbered({ networks }: Review): string {
    const changed = networks.filter(({ kind }) => kind === "changed").map(({ name }) => name);
    return `${listed(changed, 3)} ${verb(changed.length, "is", "are")} renumbered`;
}

/** What is said when neither rules nor routing say anything. */
function rest({ programs, devices, configurations }: Review): readonly string[] {
    const routing = "sessions and routes stay as they are";
    const what = [
        ...(programs.length === 0
            ? []
            : [count(programs.length, "version") + verb(programs.length, " changes", " change")]),
        ...(devices.length === 0
            ? []
            : [
                  `${listed(
                      grouped(devices, ({ device }) => device).map(([first]) => first!.device),
                      3,
                  )} ${verb(devices.length, "changes", "change")}`,
              ]),
        ...(configurations.length === 0
            ? []
            : [`${count(configurations.length, "configuration")} ${verb(configurations.length, "changes", "change")}`]),
    ];
    return [routing, ...what];
}
