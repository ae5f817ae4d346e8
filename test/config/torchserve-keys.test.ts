import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { allSettings } from '../../src/config/setting.js';
import { meaninglessKeys, noteOnKey } from '../../src/config/torchserve-keys.js';

/** Every key that TorchServe 0.12 reads, documented or not. */
const torchserveKeys = `
  inference_address management_address metrics_address grpc_inference_address
  grpc_management_address grpc_inference_port grpc_management_port
  grpc_inference_max_connection_age_ms grpc_inference_max_connection_age_grace_ms
  grpc_management_max_connection_age_ms grpc_management_max_connection_age_grace_ms enable_grpc_ssl
  keystore keystore_pass keystore_type private_key_file certificate_file cors_allowed_origin
  cors_allowed_methods cors_allowed_headers load_models models model_store workflow_store
  default_workers_per_model default_response_timeout default_startup_timeout
  unregister_model_timeout job_queue_size number_of_gpu number_of_netty_threads
  netty_client_threads max_request_size max_response_size limit_max_image_pixels
  decode_input_request default_service_handler service_envelope install_py_dep_per_model
  blacklist_env_vars prefer_direct_buffer allowed_urls model_server_home enable_metrics_api
  metrics_mode metrics_config model_metrics_auto_detect disable_system_metrics initial_worker_port
  initial_distribution_port ipex_enable ipex_gpu_enable cpu_launcher_enable cpu_launcher_args
  async_logging cpp_log_config ts_open_inference_protocol disable_token_authorization
  token_expiration_min enable_model_api ts_header_key_sequence_id ts_header_key_sequence_start
  ts_header_key_sequence_end debug model_snapshot enable_envvars_config use_env_allowed_urls
  use_native_io io_ratio metric_time_interval system_metrics_cmd vmargs plugins_path
`
  .trim()
  .split(/\s+/);

suite('a key of TorchServe', () => {
  test('is a setting, or known to have no effect', () => {
    const settings = new Set(allSettings.map(({ key }) => key));
    for (const key of torchserveKeys) {
      assert.ok(settings.has(key) !== meaninglessKeys.has(key), key);
    }
  });

  test('that is a setting needs no note', () => {
    assert.equal(noteOnKey('batch_size', 'x'), undefined);
  });

  test('without effect says why', () => {
    assert.equal(
      noteOnKey('grpc_inference_port', '7070'),
      'grpc_inference_port has no effect: gRPC is not served yet',
    );
    assert.equal(
      noteOnKey('vmargs', '-Xmx4g'),
      'vmargs has no effect: there is no Java virtual machine here',
    );
  });

  test('of Python handlers says what happens instead', () => {
    for (const [key, value, why] of [
      ['ipex_enable', 'true', 'Python workers start without it'],
      ['blacklist_env_vars', '.*KEY', 'Python workers get every environment variable'],
    ] as const) {
      assert.equal(noteOnKey(key, value), `${key} has no effect: ${why}`);
    }
  });

  test('without effect has its wrong value named', () => {
    assert.equal(
      noteOnKey('io_ratio', '5O'),
      'io_ratio has no effect: there is no Netty here; Node reads the sockets, and "5O" is not an integer',
    );
    assert.match(noteOnKey('debug', 'yes') ?? '', /, and "yes" is not true or false$/);
    assert.doesNotMatch(noteOnKey('debug', ' TRUE ') ?? '', / is not /);
  });
});

suite('an unknown key', () => {
  test('comes with the nearest known one', () => {
    assert.equal(
      noteOnKey('batchSize', '1'),
      'batchSize is not known and has no effect; did you mean batch_size?',
    );
    assert.equal(
      noteOnKey('number_of_nety_threads', '1'),
      'number_of_nety_threads is not known and has no effect; did you mean number_of_netty_threads?',
    );
  });

  test('that is like none stands alone', () => {
    assert.equal(noteOnKey('colour', 'red'), 'colour is not known and has no effect');
    assert.equal(noteOnKey('', ''), ' is not known and has no effect');
  });

  test('of any characters is named', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), (key, value) => {
        assert.ok(noteOnKey(`${key}?`, value)?.startsWith(`${key}? is not known`));
      }),
    );
  });
});
