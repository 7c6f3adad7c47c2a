import type { DiffResult } from "../diff";
import type { Urn } from "../urn";
import type { PropertyMap } from "../values";
import type { InitError } from "./rpcError";

/** A property that a provider refuses. */
export interface CheckFailure {
    readonly property: string;
    readonly reason: string;
}

/** Inputs as a provider completed them, and what it refuses. */
export interface CheckResult {
    readonly inputs: PropertyMap;
    readonly failures: readonly CheckFailure[];
}

/** What a create, update or read made known. */
export interface Live {
    /** Empty if the resource is gone. */
    readonly id: string;
    readonly outputs: PropertyMap;
    /** Inputs that would give what a read found; undefined if the provider does not say. */
    readonly inputs?: PropertyMap;
    /** Set if the resource exists but failed to initialise. */
    readonly failure?: InitError;
}

/** The resource that a call is about, as last known. */
export interface Subject {
    readonly urn: Urn;
    readonly id: string;
    readonly inputs: PropertyMap;
    readonly outputs: PropertyMap;
}

/** A running provider. All methods throw an Error with the provider's own message if it refuses. */
export interface Provider {
    /** Version that the plugin itself reports; empty if it reports none. */
    readonly version: string;
    checkConfig(urn: Urn, olds: PropertyMap, news: PropertyMap): Promise<CheckResult>;
    diffConfig(urn: Urn, old: { inputs: PropertyMap; outputs: PropertyMap }, news: PropertyMap): Promise<DiffResult>;
    /** Must be called before any method below; with unknown inputs it leaves the provider unconfigured. */
    configure(urn: Urn, id: string, inputs: PropertyMap): Promise<void>;
    check(urn: Urn, olds: PropertyMap, news: PropertyMap, options: CheckOptions): Promise<CheckResult>;
    diff(subject: Subject, news: PropertyMap, options: DiffOptions): Promise<DiffResult>;
    create(urn: Urn, inputs: PropertyMap, timeout: number, preview: boolean): Promise<Live>;
    update(subject: Subject, news: PropertyMap, options: UpdateOptions): Promise<Live>;
    remove(subject: Subject, timeout: number): Promise<void>;
    read(subject: Subject, timeout: number): Promise<Live>;
    /** Asks the provider to give up what it is doing. Sent at every end, good or bad. */
    cancel(): Promise<void>;
    /** Ends the plugin; settles when it is gone. */
    close(): Promise<void>;
}

/** Options of {@link Provider.check}. */
export interface CheckOptions {
    readonly allowUnknowns: boolean;
    readonly randomSeed: Uint8Array;
}

/** Options of {@link Provider.diff}. */
export interface DiffOptions {
    readonly allowUnknowns: boolean;
    readonly ignoreChanges: readonly string[];
}

/** Options of {@link Provider.update}. */
export interface UpdateOptions {
    /** Seconds; 0 is the provider's default. */
    readonly timeout: number;
    readonly preview: boolean;
    readonly ignoreChanges: readonly string[];
}

/** Told instead of a diff when the provider's own configuration is unknown during a preview. */
export class DiffUnavailable extends Error {}
