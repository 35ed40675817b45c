/**
 * fibric/connectors/door: doors over MQTT with honest outcomes. The public names, nothing else.
 */
export { Access, Doors, layer as layerAccess, lock, unlock } from "./Access.ts"
export { DoorUnreadable } from "./asking.ts"
export { Command, commandIdFor } from "./Command.ts"
export { type Encryption, type Options, type Protocol, type Topics, topicsUnder } from "./config.ts"
export { Answer, DoorState } from "./device.ts"
export { Door, layer, layerConfig } from "./Door.ts"
export { Confirmed, DoorRefused } from "./verdict.ts"
