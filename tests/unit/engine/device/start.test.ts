import t from 'tap';
import { type Device, devicesToTry, startOnDevice } from '../../../../src/engine/process/device/start.js';

const NVIDIA = ['NVIDIA'];

/** Starts on the given devices only. */
function startsOn(...working: Device[]) {
  return (device: Device): string => {
    if (!working.includes(device)) throw new Error(`no ${device}\n  here`);
    return `on ${device}`;
  };
}

t.test('a configured device is the only one that is tried', async (t) => {
  for (const device of ['cpu', 'cuda', 'webgpu'] as const) t.same(devicesToTry(device, NVIDIA), [device]);
  const started = startOnDevice('webgpu', [], startsOn('webgpu', 'cpu'));
  t.same(started, { device: 'webgpu', value: 'on webgpu', reason: 'as configured' });
});

t.test('auto takes the first that starts, where there is a GPU, and says what kept it from the others', async (t) => {
  t.same(startOnDevice('auto', NVIDIA, startsOn('cuda', 'cpu')), {
    device: 'cuda',
    value: 'on cuda',
    reason: 'GPU of NVIDIA',
  });
  t.same(startOnDevice('auto', NVIDIA, startsOn('cpu')), {
    device: 'cpu',
    value: 'on cpu',
    reason: 'GPU of NVIDIA; cuda: no cuda here; webgpu: no webgpu here',
  });
});

t.test('auto does not try WebGPU without a GPU, where it would find a software renderer', async (t) => {
  const started = startOnDevice('auto', [], startsOn('webgpu', 'cpu'));
  t.same(started, { device: 'cpu', value: 'on cpu', reason: 'no GPU found' });
});

t.test('what cannot be started on is an error that says what to do', async (t) => {
  t.throws(() => startOnDevice('cuda', NVIDIA, startsOn('cpu')), {
    message:
      'the model cannot be loaded on cuda: no cuda here; docs/gpu.md says what a GPU needs, and engine.device: cpu runs without one',
  });
  t.throws(() => startOnDevice('cpu', [], startsOn()), { message: 'the model cannot be loaded on cpu: no cpu here' });
});
