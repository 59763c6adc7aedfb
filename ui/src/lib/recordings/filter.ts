// The filter that lets every packet pass.
import type { TrafficFilter } from '$lib/backend';

export const everything = (): TrafficFilter => ({
  text: '',
  payload: '',
  clients: [],
  topic: '',
  packets: [],
  faults: false,
});
