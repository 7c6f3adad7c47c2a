/** The fabric of a lab as a network: what is asked for in `FabricInputs`, checked and written out. */
import { createHash } from "node:crypto";
import type { EndSpec, FabricInputs, NamespaceSpec, RouteSpec } from "../schema";
import { parseAddress, parseSubnet } from "./addresses";
import type {
    Scope,
    WantedAddress,
    WantedBridge,
    WantedLink,
    WantedNamespace,
    WantedNetwork,
    WantedRoute,
} from "./network";

/** Prefixes of the names of namespaces that the sandbox makes by itself. No name in Kubernetes has an underscore. */
export const reserved = { pod: "pod_", bridge: "bridge-" } as const;

/** Whether an interface is a node's end of a pod's link. */
export function isPodInterface(name: string): boolean {
    return /^pod[0-9a-f]{12}$/.test(name);
}

/** An interface name made of a longer name: short enough for Linux, and the same every time. */
export function shortName(prefix: string, longName: string): string {
    return prefix + createHash("sha256").update(longName).digest("hex").slice(0, 12);
}

/** What is wrong with inputs; all of it is told at once. */
type Problems = string[];

/**
 * The network that a fabric asks for.
 *
 * @throws Error with every problem of the inputs, each with its property path
 */
export function fabricNetwork(fabric: FabricInputs): WantedNetwork {
    const problems: Problems = [];
    const links = [...pointToPoint(fabric), ...bridgePorts(fabric)];
    checkNames(fabric, problems);
    checkEnds(fabric, links, problems);
    checkSources(fabric, problems);
    const network: WantedNetwork = {
        namespaces: [...deviceNamespaces(fabric), ...bridgeNamespaces(fabric)],
        bridges: Object.entries(fabric.bridges).map(
            ([name, { mtu }]): WantedBridge => ({ path: `bridges.${name}`, namespace: reserved.bridge + name, mtu }),
        ),
        links,
        addresses: perNamespace(fabric, (name, spec) => namespaceAddresses(name, spec, problems)),
        routes: perNamespace(fabric, (name, spec) => namespaceRoutes(name, spec, problems)),
        proxies: [],
        scope: fabricScope,
    };
    if (problems.length > 0) {
        throw new Error(["the fabric cannot be made:", ...problems].join("\n"));
    }
    return network;
}

function perNamespace<T>({ namespaces }: FabricInputs, of: (name: string, spec: NamespaceSpec) => readonly T[]): T[] {
    return Object.entries(namespaces).flatMap(([name, spec]) => of(name, spec));
}

/** The fabric speaks of everything but the pods. */
const fabricScope: Scope = {
    ownsNamespace: (name) => !name.startsWith(reserved.pod),
    ownsInterface: (namespace, name) => !namespace.startsWith(reserved.pod) && !isPodInterface(name),
    namespaces: [],
    proxied: [],
    pathOf: (namespace, what, name) => {
        if (namespace.startsWith(reserved.bridge)) {
            return `bridges.${namespace.slice(reserved.bridge.length)}`;
        }
        const inside = { namespace: "", interface: `.addresses.${name}`, route: `.routes["${name}"]` }[what];
        return `namespaces.${namespace}${inside}`;
    },
};

function deviceNamespaces({ namespaces }: FabricInputs): WantedNamespace[] {
    return Object.entries(namespaces).map(([name, { forwarding, proxyNeighbors }]) => ({
        path: `namespaces.${name}`,
        name,
        kind: "device",
        forwarding,
        proxyNeighbors,
    }));
}

function bridgeNamespaces({ bridges }: FabricInputs): WantedNamespace[] {
    return Object.keys(bridges).map((name) => ({
        path: `bridges.${name}`,
        name: reserved.bridge + name,
        kind: "bridge",
        forwarding: false,
        proxyNeighbors: [],
    }));
}

function pointToPoint({ links }: FabricInputs): WantedLink[] {
    return Object.entries(links).map(([name, { a, b, mtu }]) => ({ path: `links.${name}`, a, b, mtu, bridged: false }));
}

function bridgePorts({ bridges }: FabricInputs): WantedLink[] {
    return Object.entries(bridges).flatMap(([name, { ports, mtu }]) =>
        ports.map((port, index) => ({
            path: `bridges.${name}.ports[${index}]`,
            a: port,
            b: { namespace: reserved.bridge + name, interface: shortName("p", `${port.namespace}:${port.interface}`) },
            mtu,
            bridged: true,
        })),
    );
}

function checkNames({ namespaces, bridges }: FabricInputs, problems: Problems): void {
    const isName = (name: string) => /^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/.test(name);
    for (const name of Object.keys(namespaces)) {
        const prefix = Object.values(reserved).find((each) => name.startsWith(each));
        if (prefix !== undefined) {
            problems.push(`namespaces.${name}: names that begin with "${prefix}" are the sandbox's own; rename it`);
        }
    }
    for (const [part, names] of Object.entries({ namespaces, bridges })) {
        for (const name of Object.keys(names).filter((each) => !isName(each))) {
            problems.push(`${part}.${name}: a name has letters, digits, ".", "_" and "-" only`);
        }
    }
}

function checkEnds(fabric: FabricInputs, links: readonly WantedLink[], problems: Problems): void {
    const taken = new Map<string, string>();
    const ends = links.flatMap(({ path, a, b, bridged }) => (bridged ? [{ path, end: a }] : both(path, a, b)));
    for (const { path, end } of ends) {
        const name = `${end.namespace}:${end.interface}`;
        const first = taken.get(name);
        if (first !== undefined) {
            problems.push(`${path}: interface ${name} is also an end of ${first}; give each link its own interface`);
        }
        taken.set(name, path);
        checkEnd(fabric, path, end, problems);
    }
    for (const [namespace, { addresses, proxyNeighbors, sourceNat = [] }] of Object.entries(fabric.namespaces)) {
        const missing = (name: string) => name !== "lo" && !taken.has(`${namespace}:${name}`);
        for (const name of Object.keys(addresses).filter(missing)) {
            problems.push(`namespaces.${namespace}.addresses.${name}: no link or bridge ends at this interface`);
        }
        for (const [index, { interface: name }] of sourceNat.entries()) {
            if (missing(name)) {
                problems.push(
                    `namespaces.${namespace}.sourceNat[${index}]: no link or bridge ends at interface ${name}`,
                );
            }
        }
        for (const name of proxyNeighbors.filter(missing)) {
            problems.push(`namespaces.${namespace}.proxyNeighbors: no link or bridge ends at interface ${name}`);
        }
    }
}

function checkSources({ namespaces }: FabricInputs, problems: Problems): void {
    for (const [namespace, { sourceNat = [] }] of Object.entries(namespaces)) {
        for (const [index, { source }] of sourceNat.entries()) {
            read(`namespaces.${namespace}.sourceNat[${index}].source`, problems, () => parseSubnet(source));
        }
    }
}

function both(path: string, a: EndSpec, b: EndSpec): readonly { readonly path: string; readonly end: EndSpec }[] {
    return [
        { path: `${path}.a`, end: a },
        { path: `${path}.b`, end: b },
    ];
}

function checkEnd({ namespaces }: FabricInputs, path: string, end: EndSpec, problems: Problems): void {
    const { namespace, interface: name } = end;
    if (!Object.hasOwn(namespaces, namespace)) {
        problems.push(`${path}: there is no namespace "${namespace}" in the fabric`);
    }
    if (!/^[^\s/:]{1,15}$/.test(name) || [".", "..", "lo", "all", "default"].includes(name)) {
        problems.push(`${path}: "${name}" is no interface name: Linux wants 1 to 15 bytes without "/", ":" and spaces`);
    }
    if (isPodInterface(name)) {
        problems.push(`${path}: interface names like "${name}" are the sandbox's own, for pods; rename it`);
    }
}

/** Result of a reader; when it fails, nothing, and a note of why. */
function read<T>(path: string, problems: Problems, reader: () => T): readonly T[] {
    try {
        return [reader()];
    } catch (error) {
        problems.push(`${path}: ${(error as Error).message}`);
        return [];
    }
}

function namespaceAddresses(namespace: string, { addresses }: NamespaceSpec, problems: Problems): WantedAddress[] {
    return Object.entries(addresses).flatMap(([name, texts]) =>
        texts.flatMap((text, index) => {
            const path = `namespaces.${namespace}.addresses.${name}[${index}]`;
            const found = read(path, problems, () => parseSubnet(text));
            return found.map((subnet) => ({ path, namespace, interface: name, subnet }));
        }),
    );
}

function namespaceRoutes(namespace: string, { routes }: NamespaceSpec, problems: Problems): WantedRoute[] {
    return Object.entries(routes).flatMap(([prefix, spec]) => {
        const path = `namespaces.${namespace}.routes["${prefix}"]`;
        return read(path, problems, () => ({
            path,
            namespace,
            subnet: parseSubnet(prefix),
            target: routeTarget(spec),
        }));
    });
}

function routeTarget(spec: RouteSpec): WantedRoute["target"] {
    if ("via" in spec) {
        return { kind: "via", via: parseAddress(spec.via) };
    }
    return "dev" in spec ? { kind: "dev", dev: spec.dev } : { kind: "blackhole" };
}
