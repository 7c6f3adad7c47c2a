import type { Driver } from "../../verify/driver";
import type { FrrShow } from "../daemons/frr-reads";
import { frrTables } from "../daemons/frr-tables";
import type { ClusterReader } from "./cluster";
import { kernelRoutesCommand, parseKernelRoutes } from "./kernel-routes";
import { type Prober, prober } from "./probes";
import { complaint, type Shells } from "./shells";
import { vtysh } from "./vtysh";

/** Where the devices of a lab are. */
export interface Places {
    readonly shells: Shells;
    /** Containers of the routers and hosts, by name in the model. */
    readonly containers: Readonly<Record<string, string>>;
    /** The cluster with its version of Cilium, where the lab has one that can be asked. */
    readonly cluster?: { readonly reader: ClusterReader; readonly ciliumVersion?: string };
}

/** The value of a key, made when it is first asked for. */
function once<T>(make: (key: string) => T): (key: string) => T {
    const made = new Map<string, T>();
    return (key) => {
        const value = made.get(key) ?? make(key);
        made.set(key, value);
        return value;
    };
}

/** Looks at a lab in Docker: FRR through vtysh, kernels through `ip`, traffic through curl and ping, the cluster through kubectl. */
export function dockerDriver({ shells, containers, cluster }: Places): Driver {
    function containerOf(device: string): string {
        const container = containers[device];
        if (container === undefined) {
            throw new Error(`the lab has no container for ${device}`);
        }
        return container;
    }

    const frr = once((device): FrrShow => {
        const container = containerOf(device);
        return vtysh((argv) => shells.run(container, argv), `FRR of ${device}`);
    });
    const probes = once((host): Prober => {
        const container = containerOf(host);
        return prober((argv, lane, timeoutMilliseconds) => shells.run(container, argv, { lane, timeoutMilliseconds }));
    });
    const tables = frrTables({
        ask: (device, read) => read(frr(device)),
        async kernelRoutes(device, family) {
            const result = await shells.run(containerOf(device), kernelRoutesCommand(family));
            if (result.code !== 0) {
                throw new Error(`the kernel of ${device}: ${complaint(result)}`);
            }
            return parseKernelRoutes(result.stdout, family);
        },
    });

    return {
        ...tables,
        async objects(references) {
            if (cluster === undefined) {
                throw new Error("this lab has no cluster that can be asked");
            }
            return cluster.reader.objects(references);
        },
        sessions: (device) =>
            containers[device] === undefined && cluster?.ciliumVersion !== undefined
                ? cluster.reader.agentSessions(device, cluster.ciliumVersion)
                : tables.sessions(device),
        http: (from, ...rest) => probes(from).http(...rest),
        ping: (from, ...rest) => probes(from).ping(...rest),
        connect: (from, ...rest) => probes(from).connect(...rest),
    };
}
