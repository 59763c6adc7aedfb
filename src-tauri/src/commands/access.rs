//! Who may come in, and what each may do.

use mqttwb_app::{Result, api::*};

use super::Bench;

#[tauri::command]
pub async fn access(bench: Bench<'_>) -> Result<AccessReport> {
    bench.app()?.access().await
}

#[tauri::command]
pub async fn access_check(bench: Bench<'_>, text: String) -> Result<RulesChecked> {
    Ok(bench.app()?.access_check(text).await)
}

#[tauri::command]
pub async fn access_save(bench: Bench<'_>, text: String) -> Result<RulesApplied> {
    bench.app()?.access_save(text).await
}

#[tauri::command]
pub async fn access_what_if(bench: Bench<'_>, ask: WhatIf) -> Result<AccessVerdict> {
    bench.app()?.access_what_if(ask).await
}

#[tauri::command]
pub async fn access_who_can(bench: Bench<'_>, ask: WhoCan) -> Result<Vec<WhoEntry>> {
    bench.app()?.access_who_can(ask).await
}

#[tauri::command]
pub async fn access_token_check(bench: Bench<'_>, ask: TokenCheck) -> Result<TokenVerdict> {
    bench.app()?.access_token_check(ask).await
}

#[tauri::command]
pub async fn access_denials(bench: Bench<'_>) -> Result<Denials> {
    Ok(bench.app()?.access_denials().await)
}

#[tauri::command]
pub async fn access_denials_clear(bench: Bench<'_>) -> Result<()> {
    bench.app()?.access_denials_clear().await;
    Ok(())
}

#[tauri::command]
pub async fn access_propose(bench: Bench<'_>, id: u32) -> Result<RuleProposal> {
    bench.app()?.access_propose(id).await
}

#[tauri::command]
pub async fn access_findings(bench: Bench<'_>) -> Result<Vec<Finding>> {
    bench.app()?.access_findings().await
}

#[tauri::command]
pub async fn account_put(bench: Bench<'_>, request: AccountRequest) -> Result<RulesApplied> {
    bench.app()?.account_put(request).await
}

#[tauri::command]
pub async fn account_remove(bench: Bench<'_>, name: String) -> Result<RulesApplied> {
    bench.app()?.account_remove(name).await
}

#[tauri::command]
pub async fn account_restore(bench: Bench<'_>, name: String) -> Result<RulesApplied> {
    bench.app()?.account_restore(name).await
}

#[tauri::command]
pub async fn accounts_import(bench: Bench<'_>, text: String) -> Result<AccountsImported> {
    bench.app()?.accounts_import(text).await
}
