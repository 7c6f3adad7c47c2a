import { Struct, Value } from "google-protobuf/google/protobuf/struct_pb";
import { accelerate } from "../scripts/fast-struct.cjs";

accelerate({ Struct, Value });

export { Struct };
