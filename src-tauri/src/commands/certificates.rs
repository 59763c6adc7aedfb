//! The authority and what it has signed.

use mqttwb_app::{Result, api::*};

use super::Bench;

#[tauri::command]
pub async fn certificates(bench: Bench<'_>) -> Result<Certificates> {
    bench.app()?.certificates().await
}

#[tauri::command]
pub async fn device_issue(bench: Bench<'_>, request: DeviceRequest) -> Result<Certificate> {
    bench.app()?.device_issue(request).await
}

#[tauri::command]
pub async fn device_export(bench: Bench<'_>, request: ExportRequest) -> Result<DeviceFolder> {
    bench.app()?.device_export(request).await
}

#[tauri::command]
pub async fn device_renew(bench: Bench<'_>, request: RenewRequest) -> Result<Certificate> {
    bench.app()?.desk().renew(request).await
}

#[tauri::command]
pub async fn device_revoke(bench: Bench<'_>, request: RevokeRequest) -> Result<RevocationDone> {
    bench.app()?.desk().revoke(request).await
}

#[tauri::command]
pub async fn device_bundle(bench: Bench<'_>, request: BundleRequest) -> Result<Bundle> {
    bench.app()?.desk().bundle(request).await
}

#[tauri::command]
pub async fn device_batch(bench: Bench<'_>, list: String) -> Result<BatchProgress> {
    bench.app()?.desk().batch(list, None).await
}

#[tauri::command]
pub async fn device_batch_progress(bench: Bench<'_>) -> Result<BatchProgress> {
    Ok(bench.app()?.desk().batch_progress())
}

#[tauri::command]
pub async fn device_batch_cancel(bench: Bench<'_>) -> Result<BatchProgress> {
    Ok(bench.app()?.desk().batch_cancel())
}

#[tauri::command]
pub async fn revocations_sign(bench: Bench<'_>, instead_of: Option<u64>) -> Result<RevocationList> {
    bench.app()?.desk().sign_list(instead_of).await
}

#[tauri::command]
pub async fn server_renew(bench: Bench<'_>, names: Vec<String>) -> Result<Certificate> {
    bench.app()?.desk().renew_server(names, true).await
}

#[tauri::command]
pub async fn authority_create(bench: Bench<'_>, request: AuthorityRequest) -> Result<String> {
    bench.app()?.desk().create_authority(request).await
}

#[tauri::command]
pub async fn authority_import(bench: Bench<'_>, request: AuthorityImport) -> Result<String> {
    bench.app()?.desk().import_authority(request).await
}

#[tauri::command]
pub async fn authority_export(bench: Bench<'_>) -> Result<WrittenFiles> {
    bench.app()?.desk().export_authority(None).await
}

#[tauri::command]
pub async fn authority_unlock(bench: Bench<'_>, passphrase: String) -> Result<Certificates> {
    bench.app()?.desk().unlock(passphrase).await
}

#[tauri::command]
pub async fn authority_lock(bench: Bench<'_>) -> Result<Certificates> {
    bench.app()?.desk().lock().await
}

#[tauri::command]
pub async fn authority_protect(bench: Bench<'_>, request: ProtectKeys) -> Result<Certificates> {
    bench.app()?.desk().protect(request).await
}

#[tauri::command]
pub async fn passwords_kept_by(bench: Bench<'_>) -> Result<Option<KeptBy>> {
    bench.app()?.passwords_kept_by().await
}

#[tauri::command]
pub async fn certificate_inspect(
    bench: Bench<'_>,
    request: InspectFileRequest,
) -> Result<InspectedFile> {
    bench.app()?.desk().inspect(request).await
}
