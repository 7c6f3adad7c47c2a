/** The last resort: what differs between two models and is told by no other part of a review. */

import type { Lab } from "../lab/model";
import { formatPath, type Path } from "../lab/path";
import type { FieldChange, Review } from "./review";

/** What has been told already. */
export type Told = Pick<Review, "services" | "sessions" | "devices" | "networks" | "programs">;

/** Values of the model that differ, by their path, of every part of it that nothing which is told speaks of. */
export function remainingChanges(before: Lab, after: Lab, told: Told): readonly FieldChange[] {
    const isTold = teller(told);
    const [was, is] = [sections(before), sections(after)];
    const names = new Map([...is, ...was].map(([path]) => [formatPath(path), path]));
    const [old, now] = [was, is].map((all) => new Map(all.map(([path, value]) => [formatPath(path), value])));
    const remaining = [...names].filter(([, path]) => !isTold(path));
    const changes = remaining.flatMap(([name, path]) => differences(old!.get(name), now!.get(name), path));
    // What traffic must do follows from everything else; it is said where nothing else is.
    const isSilent = changes.length === 0 && Object.values(told).every((list) => list.length === 0);
    return isSilent ? differences(before.checks, after.checks, ["checks"]) : changes;
}

/** The parts of a model of which something is told as a whole, with their paths. */
function sections({ checks: _checks, cluster, ...rest }: Lab): readonly (readonly [Path, unknown])[] {
    const { segments, routers, hosts, ...own } = rest;
    const { nodes, ...others } = cluster;
    const each = (path: Path, values: object) =>
        Object.entries(values).map(([name, value]): readonly [Path, unknown] => [[...path, name], value]);
    return [
        ...each([], own),
        ...each(["segments"], segments),
        ...each(["routers"], routers),
        ...each(["hosts"], hosts),
        ...each(["cluster", "nodes"], nodes),
        ...each(["cluster"], others),
    ];
}

/** Whether something is told of a part. */
function teller({ services, sessions, devices, networks, programs }: Told): (path: Path) => boolean {
    const names = new Set([
        ...devices.map(({ device }) => device),
        ...sessions.flatMap(({ local, remote }) => [local.device, remote.device]),
        ...networks.map(({ name }) => name.slice(name.lastIndexOf(" ") + 1)),
    ]);
    const isOfProgram = (name: string) => programs.some(({ field }) => field.toLowerCase().startsWith(name));
    return ([first, second, third]) => {
        if (first !== "cluster") {
            return second === undefined ? programs.length > 0 : names.has(String(second));
        }
        switch (second) {
            case "nodes":
                return names.has(String(third));
            case "cilium":
            case "calico":
            case "metallb":
                return isOfProgram(second) || sessions.length > 0;
            case "services":
            case "workloads":
                return services.length > 0 || isOfProgram("workload");
            case "loadBalancerPools":
                return networks.some(({ name }) => name.startsWith("pool ")) || isOfProgram("pool");
            default:
                return programs.length + networks.length > 0;
        }
    };
}

/** The innermost values that differ. */
function differences(before: unknown, after: unknown, path: Path): readonly FieldChange[] {
    if (JSON.stringify(before) === JSON.stringify(after)) {
        return [];
    }
    if (!isComposite(before) || !isComposite(after)) {
        return [{ field: formatPath(path), ...text("before", before), ...text("after", after) }];
    }
    const isList = Array.isArray(after);
    const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
    const [was, is] = [new Map(Object.entries(before)), new Map(Object.entries(after))];
    return [...keys].flatMap((key) => differences(was.get(key), is.get(key), [...path, isList ? Number(key) : key]));
}

function isComposite(value: unknown): value is object {
    return typeof value === "object" && value !== null;
}

function text<K extends string>(name: K, value: unknown): { readonly [key in K]?: string } {
    const said = typeof value === "string" ? value : JSON.stringify(value);
    return (said === undefined ? {} : { [name]: said }) as { readonly [key in K]?: string };
}
