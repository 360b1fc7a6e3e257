export {
  encodeReset,
  FRAME_REFUSALS,
  type FrameKind,
  type FramePeek,
  type FrameRefusal,
  MAX_STREAM_ID_BYTES,
  type PeekOutcome,
  peekFrame,
} from './frame.ts';
export { StreamIds } from './stream-ids.ts';
