/**
 * Service rules of a node, virtual servers of a Pod and source translation of a router, in nftables through libnftables: no process per device, one
 * transaction per change.
 *
 * What kube-proxy and Cilium do for a load-balancer address: the destination is translated to one endpoint at random
 * for each new connection; under externalTrafficPolicy Cluster the source is hidden behind the node; whatever reaches a
 * service address and is not translated is dropped without a word, because a node that routed it back would make it
 * circle until its TTL ends.
 */
import { closeSync, openSync } from "node:fs";
import { isIPv4 } from "node:net";
import koffi from "koffi";
import type { PodSpec, ServiceSpec, SourceNatSpec, VirtualServerSpec } from "../schema";
import { closeQuietly, duplicate } from "./native";
import { ask, openNetlink, parseAttributes, protocols } from "./netlink";

/** Table with the rules of a device. */
const table = "inet bgp-lab";

/** The complete rules of a node, as nft reads them. */
export function serviceRules(services: Readonly<Record<string, ServiceSpec>>): string {
    const all = Object.entries(services).sort(([a], [b]) => (a < b ? -1 : 1));
    const rules = (make: (name: string, spec: ServiceSpec, address: string) => readonly string[]) =>
        all.flatMap(([name, spec]) => spec.addresses.flatMap((address) => make(name, spec, address)));
    const translations = rules((name, spec, address) => translation(name, spec, address));
    const drops = rules((_, __, address) => [`${family(address)} daddr ${address} drop`]);
    return [
        `table ${table} {`,
        chain("translate-in", "nat", "prerouting", "dstnat", translations),
        chain("translate-out", "nat", "output", "-100", translations),
        chain("hide-source", "nat", "postrouting", "srcnat", rules(masquerade)),
        chain("drop-in", "filter", "prerouting", "filter", [...new Set(drops)]),
        chain("drop-out", "filter", "output", "filter", [...new Set(drops)]),
        "}",
        "",
    ].join("\n");
}

/** The complete rules of a router that hides sources, as nft reads them. */
export function sourceNatRules(specs: readonly SourceNatSpec[]): string {
    const rules = specs.map(({ interface: name, source }) => {
        const version = source.includes(":") ? "ip6" : "ip";
        return `oifname "${name}" ${version} saddr ${source} masquerade`;
    });
    return [`table ${table} {`, chain("hide-source", "nat", "postrouting", "srcnat", rules), "}", ""].join("\n");
}

/**
 * The complete rules of a Pod with virtual servers, as nft reads them: each new connection is passed to the next endpoint,
 * under the Pod's own address. What comes to another port is the Pod's own business.
 */
export function virtualServerRules({ addresses, router }: Pick<PodSpec, "addresses" | "router">): string {
    const servers = router?.virtualServers ?? [];
    const translations = servers.flatMap((server) =>
        translation(virtualServerName(server), server, server.address, "inc"),
    );
    const hides = servers.flatMap((server) =>
        masquerade(virtualServerName(server), { masquerade: true, hideBehind: addresses }, server.address),
    );
    return [
        `table ${table} {`,
        chain("translate-in", "nat", "prerouting", "dstnat", translations),
        chain("translate-out", "nat", "output", "-100", translations),
        chain("hide-source", "nat", "postrouting", "srcnat", [...new Set(hides)]),
        "}",
        "",
    ].join("\n");
}

function virtualServerName({ address, port }: VirtualServerSpec): string {
    return isIPv4(address) ? `${address}:${port}` : `[${address}]:${port}`;
}

function chain(name: string, type: string, hook: string, priority: string, rules: readonly string[]): string {
    const lines = [`type ${type} hook ${hook} priority ${priority}; policy accept;`, ...rules];
    return [`    chain ${name} {`, ...lines.map((line) => `        ${line}`), "    }"].join("\n");
}

function family(address: string): "ip" | "ip6" {
    return isIPv4(address) ? "ip" : "ip6";
}

function translation(
    name: string,
    { port, targetPort, endpoints }: Pick<ServiceSpec, "port" | "targetPort" | "endpoints">,
    address: string,
    turn: "random" | "inc" = "random",
): readonly string[] {
    const version = family(address);
    const usable = endpoints.filter((endpoint) => family(endpoint) === version);
    if (usable.length === 0) {
        return [];
    }
    const match = `${version} daddr ${address} tcp dport ${port}`;
    const choices = usable.map((endpoint, index) => `${index} : ${endpoint}`).join(", ");
    const choice =
        usable.length === 1
            ? version === "ip6"
                ? `[${usable[0]}]:${targetPort}`
                : `${usable[0]}:${targetPort}`
            : `numgen ${turn} mod ${usable.length} map { ${choices} }:${targetPort}`;
    return [`${match} dnat ${version} to ${choice} comment "${name}"`];
}

function masquerade(
    name: string,
    spec: Pick<ServiceSpec, "masquerade" | "hideBehind">,
    address: string,
): readonly string[] {
    if (!spec.masquerade) {
        return [];
    }
    const version = family(address);
    const source = spec.hideBehind?.find((own) => family(own) === version);
    const hide = source === undefined ? "masquerade" : `snat ${version} to ${source}`;
    return [`ct status dnat ct original ${version} daddr ${address} ${hide} comment "${name}"`];
}

/** libnftables, loaded when the first node needs it. */
interface Library {
    readonly run: (commands: string) => { readonly code: number; readonly output: string; readonly errors: string };
}

let library: Library | undefined;

function loadLibrary(): Library {
    const file = "libnftables.so.1";
    let loaded: ReturnType<typeof koffi.load>;
    try {
        loaded = koffi.load(file);
    } catch (error) {
        throw new Error(`cannot load ${file}: ${(error as Error).message}; install the package nftables`);
    }
    const create = loaded.func("void *nft_ctx_new(uint32_t flags)");
    const free = loaded.func("void nft_ctx_free(void *context)");
    const bufferOutput = loaded.func("int nft_ctx_buffer_output(void *context)");
    const bufferError = loaded.func("int nft_ctx_buffer_error(void *context)");
    const getOutput = loaded.func("const char *nft_ctx_get_output_buffer(void *context)");
    const getError = loaded.func("const char *nft_ctx_get_error_buffer(void *context)");
    const runCommands = loaded.func("int nft_run_cmd_from_buffer(void *context, const char *commands)");
    return {
        // A context per run: it holds a socket of the namespace it was made in.
        run(commands) {
            closeSync(lowDescriptor);
            const context = create(0);
            try {
                bufferOutput(context);
                bufferError(context);
                const code = runCommands(context, commands);
                return { code, output: getOutput(context), errors: getError(context) };
            } finally {
                retire(duplicate(lowDescriptor));
                free(context);
                lowDescriptor = reserveDescriptor();
            }
        },
    };
}

const retired: number[] = [];
const retirementMilliseconds = 250;

/**
 * Closes a socket some time later. Closing a socket of nftables waits until the kernel has destroyed what the
 * last transaction replaced (a grace period, 12 ms and more); some time later there is nothing to wait for.
 */
function retire(fd: number): void {
    if (retired.length === 0) {
        setTimeout(() => retired.splice(0).forEach(closeQuietly), retirementMilliseconds);
    }
    retired.push(fd);
}

function reserveDescriptor(): number {
    return openSync("/dev/null", "r");
}

/**
 * Held free for libnftables, which waits with select(2) and is aborted by the C library when its socket has a number of
 * 1024 or more. A sandbox of 200 nodes has more descriptors than that.
 */
let lowDescriptor = reserveDescriptor();

/** A signal (a child of PID 1 ended) makes the kernel give up a transaction as a whole; it is simply tried again. */
const attempts = 20;

function run(commands: string): string {
    library ??= loadLibrary();
    for (let attempt = 1; ; attempt++) {
        const { code, output, errors } = library.run(commands);
        if (code === 0) {
            return output;
        }
        if (attempt === attempts || !errors.includes("Interrupted system call")) {
            throw new Error(`nftables refused the rules: ${errors.trim()}${kernelHint(errors)}`);
        }
    }
}

/** What the kernel lacks when it knows no such expression or chain type. */
function kernelHint(errors: string): string {
    return /No such file or directory|not supported/i.test(errors)
        ? "\nthe kernel needs nf_tables with nat, masq, ct and numgen (NFT_NAT, NFT_MASQ, NFT_CT, NFT_NUMGEN)"
        : "";
}

/** Commands that remove the rules, whether or not there are any. */
const removal = `table ${table}\ndelete table ${table}\n`;

/**
 * Makes the rules of the namespace that the thread is in, in one transaction.
 *
 * @param replace whether there may be others already; removing them waits for a grace period of the kernel (about 12 ms),
 *     which a new namespace is spared
 */
export function replaceRules(rules: string, replace: boolean): void {
    run(replace ? removal + rules : rules);
}

/** Removes the rules of the namespace that the thread is in. */
export function removeRules(): void {
    run(removal);
}

/** All rules of the namespace that the thread is in, in nft's own words. */
export function listRules(): string {
    return run("list ruleset");
}

/** Number that changes with every change of the rules of the namespace that the thread is in. */
export function rulesGeneration(): number {
    const getGeneration = (10 << 8) | 16;
    const fd = openNetlink(protocols.netfilter);
    retire(fd);
    const { body } = ask(fd, getGeneration, Buffer.alloc(4), "reading the generation of the nftables rules");
    return parseAttributes(body.subarray(4)).get(1)?.readUInt32BE(0) ?? 0;
}
