import type { ClientUnaryCall, ServiceError } from "@grpc/grpc-js";
import type * as messages from "@pulumi/pulumi/proto/provider_pb";
import type { DiffKind, DiffResult, PropertyDiff } from "../diff";
import { Struct } from "../struct";
import { fromWire, type PropertyMap } from "../values";
import type { CheckFailure } from "./provider";

/** Makes a call of the generated client, given its callback. */
export type Caller = <Response>(invoke: (done: Done<Response>) => ClientUnaryCall) => Promise<Response>;

/** Callback of such a call. */
export type Done<Response> = (error: ServiceError | null, response: Response) => void;

/** What the provider can take. */
export interface Protocol {
    readonly acceptSecrets: boolean;
    readonly acceptResources: boolean;
    readonly supportsPreview: boolean;
}

/** A bag as a message. */
export function struct(map: PropertyMap): Struct {
    return Struct.fromJavaScript(map);
}

/** A bag from a message. @throws Error if an unknown value arrives where none may be */
export function read(message: Struct | undefined, allowUnknowns: boolean): PropertyMap {
    return fromWire((message?.toJavaScript() ?? {}) as PropertyMap, allowUnknowns);
}

/** What a provider refuses. */
export function failuresOf(response: messages.CheckResponse): CheckFailure[] {
    return response.getFailuresList().map((failure) => ({
        property: failure.getProperty(),
        reason: failure.getReason(),
    }));
}

const kinds: readonly DiffKind[] = ["add", "add-replace", "delete", "delete-replace", "update", "update-replace"];

/** A provider's answer to Diff. */
export function readDiff(response: messages.DiffResponse): DiffResult {
    const changes = (["unknown", "none", "some"] as const)[response.getChanges()] ?? "unknown";
    const detailedDiff = new Map<string, PropertyDiff>();
    response.getDetaileddiffMap().forEach((diff: messages.PropertyDiff, path: string) => {
        detailedDiff.set(path, { kind: kinds[diff.getKind()] ?? "update", inputDiff: diff.getInputdiff() });
    });
    return {
        changes,
        replaceKeys: response.getReplacesList(),
        stableKeys: response.getStablesList(),
        changedKeys: response.getDiffsList(),
        deleteBeforeReplace: response.getDeletebeforereplace(),
        ...(response.getHasdetaileddiff() ? { detailedDiff } : {}),
    };
}
