/**
 * fibric/connectors/http: any HTTP API with honest outcomes. The public names, nothing else.
 */
export { AddressDenied, isPublic } from "./Address.ts"
export { type Answer, oneLine } from "./Answer.ts"
export { type Body, form, json } from "./Body.ts"
export { basic, bearer, HttpMisconfigured, type KeyHeader, type Options } from "./config.ts"
export {
  byStandard,
  type Evidence,
  type Finding,
  finding,
  type FindingOptions,
  HttpRefused,
  LookupFailed,
  proves,
  type Reading,
  reading,
  type ReadingOptions,
  type Table
} from "./Evidence.ts"
export type { Headers } from "./Headers.ts"
export {
  type Api,
  Http,
  layer,
  layerConfig,
  lookingUp,
  type LookingUp,
  make,
  performing,
  type Performing
} from "./Http.ts"
export {
  del,
  get,
  type Method,
  patch,
  type Path,
  post,
  put,
  type Request,
  type RequestOptions
} from "./Request.ts"
