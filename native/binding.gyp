# Builds build/Release/switchyard.node, a custom operator library for onnxruntime (no Node addon: it is loaded by path).
# Each instruction set is a static library of its own, so that its flags reach its file and no other.
# With -Dtests=1 also `kernel-tests`, for which the Debug configuration means sanitizers, and `kernel-bench`.
{
  'variables': {
    'tests%': 0,
    'avx2': ['-mavx2', '-mfma', '-mf16c'],
    # GCC's own AVX-512 header draws these two warnings.
    'avx512': ['-mavx512f', '-mavx512bw', '-mavx512vl', '-mavx512dq', '-mavx512vnni', '-mfma', '-mf16c',
               '-Wno-uninitialized', '-Wno-maybe-uninitialized'],
    'paths%': [],
    'tested_paths%': [],
    'sources': ['src/library.cpp', 'src/quantized_linear.cpp', 'src/slot_attention.cpp', 'src/encoder.cpp', 'src/memory.cpp', 'src/moving.cpp',
                'src/scheduling.cpp', 'src/select.cpp', 'src/self_test.cpp', 'src/vocabulary.cpp', 'src/paths/scalar.cpp'],
    'conditions': [
      ['target_arch=="x64"', {
        'paths': ['avx2', 'avx_vnni', 'avx512_vnni', 'amx'],
        'tested_paths': ['avx2', 'avx_vnni_emulated', 'avx512_vnni', 'amx_emulated'],
      }],
      ['target_arch=="arm64"', {
        'paths': ['neon'],
        'tested_paths': ['neon'],
      }],
    ],
  },
  'target_defaults': {
    'cflags_cc': ['-O3', '-ffp-contract=off', '-fvisibility=hidden', '-Wall', '-Wextra'],
    'xcode_settings': {'OTHER_CPLUSPLUSFLAGS': ['-O3', '-ffp-contract=off', '-fvisibility=hidden']},
    'conditions': [
      ['tests==1', {
        'configurations': {
          'Debug': {
            'cflags': ['-fsanitize=address,undefined', '-fno-sanitize-recover=all'],
            'cflags_cc!': ['-O3'],
            'cflags_cc': ['-O1'],
            'ldflags': ['-fsanitize=address,undefined'],
          },
        },
      }],
    ],
  },
  'targets': [
    {
      'target_name': 'switchyard',
      'sources': ['<@(sources)'],
      'dependencies': ['<@(paths)'],
    },
  ],
  'conditions': [
    ['target_arch=="x64"', {
      'targets': [
        {'target_name': 'avx2', 'type': 'static_library', 'sources': ['src/paths/avx2.cpp'], 'cflags_cc': ['<@(avx2)']},
        {'target_name': 'avx_vnni', 'type': 'static_library', 'sources': ['src/paths/avx_vnni.cpp'],
         'cflags_cc': ['<@(avx2)', '-mavxvnni']},
        {'target_name': 'avx512_vnni', 'type': 'static_library', 'sources': ['src/paths/avx512_vnni.cpp'],
         'cflags_cc': ['<@(avx512)']},
        {'target_name': 'amx', 'type': 'static_library', 'sources': ['src/paths/amx.cpp'],
         'cflags_cc': ['<@(avx512)', '-mamx-tile', '-mamx-int8']},
      ],
    }],
    ['target_arch=="arm64"', {
      'targets': [
        # Apple's compiler aims at CPUs that have these instructions by itself.
        {'target_name': 'neon', 'type': 'static_library', 'sources': ['src/paths/neon.cpp'],
         'cflags_cc': ['-march=armv8.2-a+dotprod']},
      ],
    }],
    ['tests==1', {
      'targets': [
        {
          'target_name': 'kernel-bench',
          'type': 'executable',
          'sources': ['<@(sources)', 'bench.cpp'],
          'dependencies': ['<@(paths)'],
          'libraries': ['-lpthread'],
        },
        {
          'target_name': 'kernel-tests',
          'type': 'executable',
          'sources': ['<@(sources)', 'test/kernel_tests.cpp'],
          'dependencies': ['<@(tested_paths)'],
          'libraries': ['-lpthread'],
        },
      ],
    }],
    ['tests==1 and target_arch=="x64"', {
      'targets': [
        # The same sources, coded so that they run on a CPU that has AVX-512 but neither AVX-VNNI nor AMX.
        {'target_name': 'avx_vnni_emulated', 'type': 'static_library', 'sources': ['src/paths/avx_vnni.cpp'],
         'cflags_cc': ['<@(avx2)', '-mavx512vl', '-mavx512vnni']},
        {'target_name': 'amx_emulated', 'type': 'static_library', 'sources': ['src/paths/amx.cpp'],
         'cflags_cc': ['<@(avx512)'], 'defines': ['SWITCHYARD_EMULATE_TILES']},
      ],
    }],
  ],
}
