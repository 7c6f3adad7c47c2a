import { randomUUID } from "node:crypto";
import type { DiffResult } from "../diff";
import { isReplace } from "../diff";
import { EngineError } from "../errors";
import type { ResourceState } from "../state";
import { parseReference, providerPackage, typeOf, type Urn } from "../urn";
import { equal, type PropertyMap, unknownValue } from "../values";
import type { CheckResult, Live, Provider } from "./provider";

/** Starts the plugin of a package; the version is undefined if the program does not ask for one. */
export type Launcher = (pkg: string, version: string | undefined) => Promise<Provider>;

/**
 * Providers are resources too: checking one starts its plugin, creating or keeping one configures it. This is their
 * "provider", and the place where other resources find the configured plugin that their `provider` reference names.
 */
export interface Registry {
    /** The configured provider behind a reference `<urn>::<id>`. */
    get(reference: string): Provider | undefined;
    check(urn: Urn, olds: PropertyMap, news: PropertyMap): Promise<CheckResult>;
    diff(old: ResourceState, news: PropertyMap): Promise<DiffResult>;
    create(urn: Urn, inputs: PropertyMap, preview: boolean): Promise<Live>;
    update(old: ResourceState, news: PropertyMap): Promise<Live>;
    /** Configures an unchanged provider. */
    same(state: ResourceState): Promise<void>;
    /** Stops a provider that was deleted. */
    remove(state: ResourceState): Promise<void>;
    /** Cancels and stops all. */
    close(): Promise<void>;
}

const internalKey = "__internal";

/** Opens a registry that starts plugins with the given launcher. */
export function newRegistry(launch: Launcher): Registry {
    const configured = new Map<string, Provider>();
    const unconfigured = new Map<Urn, Provider>();
    const all = new Set<Provider>();
    const starting = new Map<string, Promise<void>>();

    async function start(urn: Urn, inputs: PropertyMap): Promise<Provider> {
        const version = typeof inputs.version === "string" ? inputs.version : undefined;
        const provider = await launch(providerPackage(typeOf(urn)), version);
        all.add(provider);
        return provider;
    }

    /** The instance that Check started, which only one step may take. */
    async function take(urn: Urn, inputs: PropertyMap): Promise<Provider> {
        const provider = unconfigured.get(urn) ?? (await start(urn, inputs));
        unconfigured.delete(urn);
        return provider;
    }

    async function stop(provider: Provider): Promise<void> {
        all.delete(provider);
        await provider.close();
    }

    async function configure(urn: Urn, id: string, inputs: PropertyMap): Promise<PropertyMap> {
        const provider = await take(urn, inputs);
        const settings = settingsOf(inputs);
        await provider.configure(urn, id, settings);
        configured.set(`${urn}::${id}`, provider);
        return settings;
    }

    return {
        get: (reference) => configured.get(reference),
        async check(urn, olds, news) {
            const provider = await start(urn, news);
            const { inputs, failures } = await provider.checkConfig(urn, settingsOf(olds), settingsOf(news));
            if (failures.length > 0) {
                await stop(provider);
                return { inputs, failures };
            }
            unconfigured.set(urn, provider);
            const { version, [internalKey]: internal } = news;
            if (version !== undefined && inputs.version !== undefined && !equal(version, inputs.version)) {
                throw new EngineError(`provider "${urn}" attempted to change its version to ${String(inputs.version)}`);
            }
            const kept = {
                ...(version === undefined ? {} : { version }),
                ...(internal === undefined ? {} : { [internalKey]: internal }),
            };
            return { inputs: { ...inputs, ...kept }, failures };
        },
        async diff(old, news) {
            const provider = unconfigured.get(old.urn) ?? configured.get(`${old.urn}::${old.id}`);
            if (provider === undefined) {
                throw new Error(`provider ${old.urn} was not checked before it was compared`);
            }
            const before = { inputs: settingsOf(old.inputs), outputs: old.outputs ?? {} };
            const diff = await provider.diffConfig(old.urn, before, settingsOf(news));
            if (diff.changes !== "unknown") {
                return diff;
            }
            const unchanged = equal(old.outputs ?? {}, settingsOf(news));
            return { ...diff, changes: unchanged && !isReplace(diff) ? "none" : "some" };
        },
        async create(urn, inputs, preview) {
            const id = preview ? unknownValue : randomUUID();
            return { id, outputs: await configure(urn, id, inputs) };
        },
        async update(old, news) {
            return { id: old.id!, outputs: await configure(old.urn, old.id!, news) };
        },
        async same(state) {
            const reference = `${state.urn}::${state.id}`;
            if (configured.has(reference)) {
                return;
            }
            const pending =
                starting.get(reference) ?? configure(state.urn, state.id!, state.inputs).then(() => undefined);
            starting.set(reference, pending);
            await pending;
        },
        async remove(state) {
            const reference = `${state.urn}::${state.id}`;
            const provider = configured.get(reference);
            if (provider !== undefined) {
                configured.delete(reference);
                await stop(provider);
            }
        },
        async close() {
            await Promise.all([...all].map((provider) => provider.cancel()));
            await Promise.all([...all].map((provider) => provider.close()));
        },
    };
}

/** What the plugin itself is told; the engine's own key is not its business. */
function settingsOf(inputs: PropertyMap): PropertyMap {
    const { [internalKey]: _, ...settings } = inputs;
    return settings;
}

/** Splits a reference and finds the resource behind it in a list. */
export function findProvider(resources: readonly ResourceState[], reference: string): ResourceState | undefined {
    const { urn, id } = parseReference(reference);
    return resources.find((state) => state.urn === urn && state.id === id);
}
