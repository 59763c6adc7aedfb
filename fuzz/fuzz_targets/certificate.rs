#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| (mqttwb_fuzzing::CERTIFICATE.run)(input));
