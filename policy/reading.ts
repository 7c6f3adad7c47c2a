/**
 * How the pack reads resources. The SDK makes an object of a resource for every policy anew, and drops on the way what
 * was a secret. Here a resource is read once, as the engine sent it.
 */

import type { Struct } from "google-protobuf/google/protobuf/struct_pb";
import type { Json } from "./inputs";

/** The SDK's own functions for it, which its server looks up at every call. */
interface Sdk {
    /** @param keepsSecrets whether the result is for policies that remedy resources */
    deserializeProperties: (struct: Struct, keepsSecrets: boolean) => object;
}

const read = new WeakMap<Struct, object>();

/** Reads resources once, and not at all for remedies: no policy of the pack has any. Call it before the pack is served. */
export function readOnce(): void {
    const sdk = require("@pulumi/policy/deserialize") as Sdk;
    sdk.deserializeProperties = (struct, keepsSecrets) => {
        if (keepsSecrets) {
            return {};
        }
        const inputs = read.get(struct) ?? struct.toJavaScript();
        read.set(struct, inputs);
        return inputs;
    };
}

/** Key by which the SDK's object, which throws at a read of what is unknown, gives the one behind it (proxy.js). */
const behind = "__getSpecialProxyTarget";

/** The inputs that a policy was given, as the engine sent them. */
export function inputsOf(props: Readonly<Record<string, unknown>>): Json {
    return props[behind] as Json;
}
